package slacktest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// unescape undoes the three escapes of mrkdwn and of a message's text:
// docs.slack.dev/messaging/formatting-message-text.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}

// escape is the reverse of unescape.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

// readBlocks returns what can be read in blocks, a piece for each text.
func readBlocks(blocks []object) []string {
	var lines []string
	for _, b := range blocks {
		lines = append(lines, readBlock(b)...)
	}
	return lines
}

func readBlock(b object) []string {
	switch str(b, "type") {
	case "rich_text":
		return readRichText(list(b, "elements"))
	case "markdown":
		return []string{str(b, "text")}
	}
	lines := readText(nil, b, "text", "title", "label")
	if address := str(b, "alt_text"); address != "" {
		lines = append(lines, address)
	}
	for _, field := range objects(list(b, "fields")) {
		lines = append(lines, readTextObject(field))
	}
	if str(b, "type") == "context" {
		lines = append(lines, readContext(b)...)
	}
	for _, e := range elementsOf(b) {
		lines = append(lines, readElement(e)...)
	}
	return readText(lines, b, "hint")
}

func readContext(b object) []string {
	var lines []string
	for _, e := range objects(list(b, "elements")) {
		if str(e, "type") == "image" {
			lines = append(lines, str(e, "alt_text"))
		} else {
			lines = append(lines, readTextObject(e))
		}
	}
	return lines
}

func readElement(e object) []string {
	lines := readText(nil, e, "text", "placeholder")
	for _, key := range []string{"alt_text", "initial_value"} {
		if value := str(e, key); value != "" {
			lines = append(lines, value)
		}
	}
	for _, opt := range optionsOf(e) {
		lines = readText(lines, opt, "text", "description")
	}
	if confirm := obj(e, "confirm"); confirm != nil {
		lines = readText(lines, confirm, "title", "text", "confirm", "deny")
	}
	return lines
}

func readText(lines []string, o object, keys ...string) []string {
	for _, key := range keys {
		if t := obj(o, key); t != nil {
			lines = append(lines, readTextObject(t))
		}
	}
	return lines
}

func readTextObject(t object) string {
	if str(t, "type") == "mrkdwn" {
		return unescape(str(t, "text"))
	}
	return str(t, "text")
}

// readRichText returns a line for each part of a rich_text block.
func readRichText(parts []any) []string {
	var lines []string
	for _, part := range objects(parts) {
		if str(part, "type") == "rich_text_list" {
			lines = append(lines, readRichText(list(part, "elements"))...)
			continue
		}
		var line strings.Builder
		for _, e := range objects(list(part, "elements")) {
			line.WriteString(readInline(e))
		}
		lines = append(lines, line.String())
	}
	return lines
}

func readInline(e object) string {
	switch str(e, "type") {
	case "text":
		return str(e, "text")
	case "link":
		if words := str(e, "text"); words != "" {
			return words
		}
		return str(e, "url")
	case "emoji":
		return ":" + str(e, "name") + ":"
	case "user":
		return "<@" + str(e, "user_id") + ">"
	case "channel":
		return "<#" + str(e, "channel_id") + ">"
	case "usergroup":
		return "<!subteam^" + str(e, "usergroup_id") + ">"
	case "broadcast":
		return "<!" + str(e, "range") + ">"
	case "color":
		return str(e, "value")
	case "date":
		return str(e, "fallback")
	}
	return ""
}

func joinLines(text string, blocks []json.RawMessage) string {
	lines := readBlocks(fromRaw(blocks))
	if text != "" {
		lines = append([]string{unescape(text)}, lines...)
	}
	return strings.Join(lines, "\n")
}

// buttons finds the buttons of blocks, in their order.
func buttons(blocks []json.RawMessage) []Button {
	var found []Button
	for _, b := range fromRaw(blocks) {
		for _, e := range elementsOf(b) {
			if str(e, "type") == "button" {
				found = append(found, button(b, e))
			}
		}
	}
	return found
}

func button(block, e object) Button {
	b := Button{
		Text: str(obj(e, "text"), "text"), ActionID: str(e, "action_id"), BlockID: str(block, "block_id"),
		Value: str(e, "value"), URL: str(e, "url"), Style: str(e, "style"),
		AccessibilityLabel: str(e, "accessibility_label"),
	}
	for _, id := range list(e, "visible_to_user_ids") {
		b.VisibleTo = append(b.VisibleTo, fmt.Sprint(id))
	}
	if c := obj(e, "confirm"); c != nil {
		b.Confirm = &Confirm{
			Title: readTextObject(obj(c, "title")), Text: readTextObject(obj(c, "text")),
			Confirm: readTextObject(obj(c, "confirm")), Deny: readTextObject(obj(c, "deny")), Style: str(c, "style"),
		}
	}
	return b
}

func number(o object, key string, otherwise int) int {
	if n, err := strconv.Atoi(fmt.Sprint(o[key])); err == nil {
		return n
	}
	return otherwise
}
