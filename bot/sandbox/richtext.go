package sandbox

import (
	"cmp"
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
)

func (d *drawing) richText(e element) template.HTML {
	if e.Type == "rich_text_list" {
		return d.list(e)
	}
	inside := each(e.Elements, d.richInline)
	switch e.Type {
	case "rich_text_section":
		return tag("div", attrs{"class", "bk-text"}, inside)
	case "rich_text_quote":
		return tag("blockquote", attrs{"class", "bk-text"}, inside)
	case "rich_text_preformatted":
		return tag("pre", attrs{"class", "bk-text"}, inside)
	}
	return d.unknown(e.Type)
}

func (d *drawing) list(e element) template.HTML {
	items := each(e.Elements, func(item element) template.HTML { return tag("li", nil, d.richText(item)) })
	class := attrs{"class", fmt.Sprintf("bk-list bk-indent-%d", min(max(e.Indent, 0), 8))}
	if e.Style.Name == "ordered" {
		return tag("ol", class.with("start", strconv.Itoa(e.Offset+1)), items)
	}
	return tag("ul", class, items)
}

// richInline is an element of a section, a quote or a list of rich_text.
func (d *drawing) richInline(e element) template.HTML {
	switch e.Type {
	case "text":
		return e.Style.around(text(e.Text.Text))
	case "link":
		return e.Style.around(link(e.URL, cmp.Or(e.Text.Text, e.URL)))
	case "user":
		return e.Style.around(mention("@" + d.name(e.UserID)))
	case "channel":
		return e.Style.around(mention("#" + strings.TrimPrefix(d.name(e.ChannelID), "#")))
	case "usergroup":
		return e.Style.around(mention("@" + d.name(e.UsergroupID)))
	case "team":
		return e.Style.around(mention("@" + d.name(e.TeamID)))
	case "broadcast":
		return e.Style.around(mention("@" + e.Range))
	case "emoji":
		return e.Style.around(text(emoji(e)))
	case "color":
		return e.Style.around(tag("code", nil, text(e.Value)))
	case "date":
		return e.Style.around(d.date(e))
	}
	return d.unknown(e.Type)
}

func (s style) around(inside template.HTML) template.HTML {
	for _, mark := range []struct {
		has bool
		tag string
	}{{s.Code, "code"}, {s.Underline, "u"}, {s.Strike, "s"}, {s.Italic, "em"}, {s.Bold, "strong"}} {
		if mark.has {
			inside = tag(mark.tag, nil, inside)
		}
	}
	return inside
}

func mention(name string) template.HTML { return tag("span", attrs{"class", "bk-mention"}, text(name)) }

// emoji is the character, of which Slack gives the code points, such as "1f44b-1f3fb"; else its name.
func emoji(e element) string {
	var all []rune
	for code := range strings.SplitSeq(e.Unicode, "-") {
		n, err := strconv.ParseInt(code, 16, 32)
		if err != nil {
			return ":" + e.Name + ":"
		}
		all = append(all, rune(n))
	}
	return string(all)
}

// link is a link where that is safe, else text.
func link(address, label string) template.HTML {
	if isAddress(address) {
		return tag("a", attrs{"href", address, "target", "_blank", "rel", "noopener"}, text(label))
	}
	if label != address && address != "" {
		label += " (" + address + ")"
	}
	return text(label)
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "mailto" || (u.Scheme == "http" || u.Scheme == "https") && u.Host != "")
}
