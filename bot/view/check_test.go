package view

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// checker finds what Slack would not accept, in the JSON that Slack gets. Its limits are those of
// https://docs.slack.dev/reference/block-kit, in characters.
type checker struct {
	faults  []string
	ids     map[string]bool // of blocks
	actions map[string]bool
	chars   int // of all texts
	inputs  int
}

type object = map[string]any

func checkMessage(m Message) []string {
	c := &checker{ids: map[string]bool{}, actions: map[string]bool{}}
	c.length("text", m.Text, 1, 4000)
	if s := mentions.ReplaceAllString(m.Text, ""); regexp.MustCompile(`[<>]|&(?:[^alg]|$)`).MatchString(s) {
		c.fault("text is not escaped: %q", s)
	}
	c.blocks(m.Blocks, 50)
	if c.chars > 13000 {
		c.fault("msg_blocks_too_long: %d", c.chars)
	}
	if c.inputs > 0 {
		c.fault("an input in a message")
	}
	c.size("acknowledgement", object{"response_type": "ephemeral", "text": m.Text, "blocks": m.Blocks}, 20480)
	return c.faults
}

var mentions = regexp.MustCompile(`<(@[UW]|#[CG]|!subteam\^S)[A-Z0-9]+>`)

func checkModal(m slack.ModalViewRequest) []string {
	c := &checker{ids: map[string]bool{}, actions: map[string]bool{}}
	c.plain("title", toObject(m.Title), 24)
	c.plain("close", toObject(m.Close), 24)
	c.blocks(m.Blocks.BlockSet, 100)
	if (m.Submit != nil) != (c.inputs > 0) {
		c.fault("submit and inputs belong together")
	}
	if m.Submit != nil {
		c.plain("submit", toObject(m.Submit), 24)
		c.length("callback_id", m.CallbackID, 1, 255)
	}
	c.length("private_metadata", m.PrivateMetadata, 0, 3000)
	c.size("view", m, 250_000)
	if c.inputs == 0 {
		c.size("acknowledgement", slack.NewUpdateViewSubmissionResponse(&m), 20480)
	}
	return c.faults
}

func toObject(v any) object {
	text, err := json.Marshal(v)
	if err != nil {
		return object{"unreadable": err.Error()}
	}
	var o object
	_ = json.Unmarshal(text, &o) // what is no object stays nil, and is then found to lack all
	return o
}

func (c *checker) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Sprintf(format, args...))
}

func (c *checker) length(what string, v any, least, most int) {
	s, ok := v.(string)
	n := utf8.RuneCountInString(s)
	if (!ok && least > 0) || n < least || n > most || !utf8.ValidString(s) {
		c.fault("%s has %d characters, %d to %d are right: %q", what, n, least, most, s)
	}
}

func (c *checker) size(what string, v any, limit int) {
	if text, err := json.Marshal(v); err != nil || len(text) >= limit {
		c.fault("%s has %d bytes: %v", what, len(text), err)
	}
}

// plain checks a text object, which is plain_text without :emoji: wherever the bot uses one.
func (c *checker) plain(what string, o object, most int) {
	c.length(what, o["text"], 1, most)
	if o["type"] != "plain_text" || o["emoji"] != false {
		c.fault("%s is not plain: %v", what, o)
	}
	text, _ := o["text"].(string)
	c.chars += utf8.RuneCountInString(text)
}

func (c *checker) blocks(blocks []slack.Block, most int) {
	if len(blocks) == 0 || len(blocks) > most {
		c.fault("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		o := toObject(b)
		if id, ok := o["block_id"].(string); ok {
			c.length("block_id", id, 1, 255)
			if c.ids[id] {
				c.fault("block_id %q is there twice", id)
			}
			c.ids[id] = true
		}
		switch o["type"] {
		case "rich_text":
			c.list(o, "elements", 1, 1000, c.rich)
		case "header":
			c.plain("header", toObject(o["text"]), 150)
		case "actions":
			c.list(o, "elements", 1, 25, c.button)
		case "context":
			c.list(o, "elements", 1, 10, c.image)
		case "input":
			c.input(o)
		default:
			c.fault("a block of type %v", o["type"])
		}
	}
}

func (c *checker) list(o object, name string, least, most int, f func(object)) {
	all, _ := o[name].([]any)
	if len(all) < least || len(all) > most {
		c.fault("%v has %d %s", o["type"], len(all), name)
	}
	for _, v := range all {
		item, _ := v.(object)
		f(item)
	}
}

func (c *checker) rich(o object) {
	switch o["type"] {
	case "rich_text_section", "rich_text_quote":
		c.list(o, "elements", 1, 1000, c.element)
	case "rich_text_list":
		c.list(o, "elements", 1, 1000, c.rich)
	default:
		c.fault("a rich_text element of type %v", o["type"])
	}
}

func (c *checker) element(o object) {
	switch o["type"] {
	case "text":
		c.length("text element", o["text"], 1, 3000)
		text, _ := o["text"].(string)
		c.chars += utf8.RuneCountInString(text)
	case "user":
		if id, _ := o["user_id"].(string); !personID.MatchString(id) {
			c.fault("user_id %q", id)
		}
	case "usergroup":
		if id, _ := o["usergroup_id"].(string); !groupID.MatchString(id) {
			c.fault("usergroup_id %q", id)
		}
	case "channel":
		if id, _ := o["channel_id"].(string); !channelID.MatchString(id) {
			c.fault("channel_id %q", id)
		}
	case "link":
		c.length("link's text", o["text"], 1, 3000)
		if address, _ := o["url"].(string); !strings.HasPrefix(address, "https://slack.com/archives/C") && address != testPolicy.URL {
			c.fault("a link to %q", address)
		}
	case "date":
		c.length("date's fallback", o["fallback"], 1, 100)
		if at, ok := o["timestamp"].(float64); !ok || at < 0 || o["format"] != dateFormat && o["format"] != timeLeftFormat {
			c.fault("date %v", o)
		}
	default:
		c.fault("an element of type %v", o["type"])
	}
}

func (c *checker) image(o object) {
	c.length("alt_text", o["alt_text"], 1, 2000)
	if address, _ := o["image_url"].(string); o["type"] != "image" || !strings.HasPrefix(address, "https://") || len(address) > 3000 {
		c.fault("image %v", o)
	}
}

func (c *checker) action(o object) {
	id, _ := o["action_id"].(string)
	c.length("action_id", id, 1, 255)
	if c.actions[id] && o["type"] == "button" {
		c.fault("action_id %q is there twice", id)
	}
	c.actions[id] = true
}

func (c *checker) button(o object) {
	c.action(o)
	text, _ := o["text"].(object)
	c.plain("button", text, 75)
	c.length("accessibility_label", o["accessibility_label"], 1, 75)
	value, _ := o["value"].(string)
	if _, ok := Target(value); !ok && o["action_id"] != ActionAsk && o["action_id"] != ActionSeveral {
		c.fault("a button's value is no request id: %q", value)
	}
	if dialog, ok := o["confirm"].(object); ok {
		for name, most := range map[string]int{"title": 100, "text": 300, "confirm": 30, "deny": 30} {
			text, _ := dialog[name].(object)
			c.plain("confirm "+name, text, most)
		}
	}
}

func (c *checker) input(o object) {
	c.inputs++
	label, _ := o["label"].(object)
	c.plain("label", label, 2000)
	if hint, ok := o["hint"].(object); ok {
		c.plain("hint", hint, 2000)
	}
	e, _ := o["element"].(object)
	c.action(e)
	if e["type"] == "checkboxes" || e["type"] == "radio_buttons" {
		c.list(e, "options", 1, 10, c.option)
		return
	}
	placeholder, _ := e["placeholder"].(object)
	c.plain("placeholder", placeholder, 150)
	if e["type"] == "static_select" {
		c.options(e)
		return
	}
	if e["type"] == "users_select" {
		if person, given := e["initial_user"].(string); given && !personID.MatchString(person) {
			c.fault("initial_user %q", person)
		}
		return
	}
	if e["type"] == "datepicker" {
		if day, given := e["initial_date"].(string); given {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				c.fault("initial_date %q", day)
			}
		}
		return
	}
	most, _ := e["max_length"].(float64)
	if most < 1 || most > 3000 {
		c.fault("max_length %v", most)
	}
	c.length("initial_value", e["initial_value"], 0, int(most))
}

func (c *checker) option(o object) {
	text, _ := o["text"].(object)
	c.plain("option", text, 75)
	c.length("option's value", o["value"], 1, 150)
}

func (c *checker) options(e object) {
	found := e["initial_option"] == nil
	c.list(e, "options", 1, 100, func(o object) {
		c.option(o)
		found = found || reflect.DeepEqual(o, e["initial_option"])
	})
	if !found {
		c.fault("initial_option is none of the options")
	}
}
