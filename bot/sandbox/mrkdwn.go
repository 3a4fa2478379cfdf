package sandbox

import (
	"cmp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// paragraphs reads mrkdwn as the elements of rich_text that say the same.
func paragraphs(s string) []element {
	const fence = "```"
	var all []element
	for {
		before, rest, _ := strings.Cut(s, fence)
		code, after, closed := strings.Cut(rest, fence)
		if !closed {
			return append(all, quotes(s)...)
		}
		all = append(all, quotes(strings.TrimSuffix(before, "\n"))...)
		all = append(all, element{Type: "rich_text_preformatted", Elements: spans(strings.Trim(code, "\n"), style{Code: true})})
		s = strings.TrimPrefix(after, "\n")
	}
}

// quotes makes a section or a quote of each run of lines.
func quotes(s string) []element {
	if s == "" {
		return nil
	}
	var all []element
	for line := range strings.SplitSeq(s, "\n") {
		kind := "rich_text_section"
		if said, is := cutAny(line, "&gt;", ">"); is {
			kind, line = "rich_text_quote", strings.TrimPrefix(said, " ")
		}
		if last := len(all) - 1; last >= 0 && all[last].Type == kind {
			all[last].Text.Text += "\n" + line
		} else {
			all = append(all, element{Type: kind, Text: words{Text: line}})
		}
	}
	for i, e := range all {
		all[i].Elements = spans(e.Text.Text, style{})
	}
	return all
}

func cutAny(s string, prefixes ...string) (after string, found bool) {
	for _, p := range prefixes {
		if after, found = strings.CutPrefix(s, p); found {
			return after, true
		}
	}
	return s, false
}

// spans reads what stands in a paragraph: texts with their styles, mentions, links and dates.
func spans(s string, in style) []element {
	var all []element
	closing := closings(s)
	done := 0
	for i := 0; i < len(s); i++ {
		found, end := span(s, i, closing[i], in)
		if end == 0 {
			continue
		}
		all = append(all, plain(s[done:i], in)...)
		all = append(all, found...)
		i, done = end, end+1
	}
	return append(all, plain(s[done:], in)...)
}

// span reads what begins at s[i] and returns where it ends. That is 0 where nothing but text begins.
func span(s string, i, closing int, in style) (found []element, end int) {
	if s[i] == '<' {
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			return nil, 0
		}
		return control(s[i+1:i+n], in), i + n
	}
	within, changed := in.with(s[i])
	if !changed || closing <= i+1 || !opens(s, i) {
		return nil, 0
	}
	return spans(s[i+1:closing], within), closing
}

// with adds what a mark stands for, unless it is in it already. In code there are no marks.
func (s style) with(mark byte) (style, bool) {
	before := s
	switch mark {
	case '*':
		s.Bold = true
	case '_':
		s.Italic = true
	case '~':
		s.Strike = true
	case '`':
		s.Code = true
	}
	return s, s != before && !before.Code
}

// closings has for each mark in s the next one in its line that closes it, else 0. It is made in one go, from the
// end, so that a long text full of marks takes no longer than another.
func closings(s string) []int {
	all := make([]int, len(s))
	next := map[byte]int{}
	for i := len(s) - 1; i >= 0; i-- {
		all[i] = next[s[i]]
		switch s[i] {
		case '\n':
			clear(next)
		case '`':
			next[s[i]] = i
		case '*', '_', '~':
			if after, _ := utf8.DecodeRuneInString(s[i+1:]); i > 0 && s[i-1] != ' ' && !isWord(after) {
				next[s[i]] = i
			}
		}
	}
	return all
}

// opens says whether the mark at s[i] begins a word; one of code also stands before a space.
func opens(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	return !isWord(before) && s[i+1] != s[i] && (s[i+1] != ' ' || s[i] == '`')
}

func isWord(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// control reads what stands between < and >. What is none of Slack's is shown as it is.
func control(s string, in style) []element {
	what, label, _ := strings.Cut(s, "|")
	label = unescape.Replace(label)
	e := element{Style: in}
	switch {
	case strings.HasPrefix(what, "@"):
		e.Type, e.UserID = "user", what[1:]
	case strings.HasPrefix(what, "#"):
		e.Type, e.ChannelID = "channel", what[1:]
	case strings.HasPrefix(what, "!subteam^"):
		e.Type, e.UsergroupID = "usergroup", strings.TrimPrefix(what, "!subteam^")
	case what == "!here", what == "!channel", what == "!everyone":
		e.Type, e.Range = "broadcast", what[1:]
	case strings.HasPrefix(what, "!date^"):
		parts := strings.SplitN(what, "^", 4)
		at, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil || len(parts) < 3 {
			return plain(cmp.Or(label, "<"+s+">"), in)
		}
		e.Type, e.Timestamp, e.Format, e.Fallback = "date", at, unescape.Replace(parts[2]), label
		if len(parts) == 4 {
			e.URL = unescape.Replace(parts[3])
		}
	case isAddress(unescape.Replace(what)):
		e.Type, e.URL, e.Text.Text = "link", unescape.Replace(what), label
	default:
		return plain("<"+s+">", in)
	}
	return []element{e}
}

// plain is text in which nothing but escapes is left.
func plain(s string, in style) []element {
	if s == "" {
		return nil
	}
	return []element{{Type: "text", Style: in, Text: words{Text: unescape.Replace(s)}}}
}

// unescape undoes the three escapes of mrkdwn.
var unescape = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
