package slacktest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Block Kit's limits, from docs.slack.dev/reference/block-kit.
const (
	maxMessageBlocks = 50
	maxViewBlocks    = 100
	maxMessageText   = 40_000 // more of a new message's text is cut off: docs.slack.dev/messaging
	maxUpdateText    = 4_000  // bytes, escaped; more is refused: docs.slack.dev/reference/methods/chat.update
	maxBlockText     = 13_000 // of all blocks of a message together; observed, not documented
	blockCost        = 125    // characters that each further block takes away from that; observed
	maxViewBytes     = 250 << 10
	maxViewStack     = 3
)

// checkBlocks parses the blocks of a message and says what is wrong with them. Blocks and elements without an
// id get one, as Slack gives them.
func (s *Server) checkBlocks(v any) (blocks []any, faults []string) {
	c := &checker{surface: "message", ids: map[string]bool{}}
	array(0, maxMessageBlocks, c.block())(c, "/blocks", v)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	blocks = clone(v.([]any))
	s.nameBlocks(blocks)
	return blocks, nil
}

// The kinds of views.
const (
	modalView = "modal"
	homeView  = "home"
)

// checkView says what is wrong with a view of a kind, with pointers as views.open and its sisters give them.
func checkView(kind string, v any) []string {
	c := &checker{surface: kind, ids: map[string]bool{}}
	s := schema{
		"type!":            oneOf(kind),
		"blocks!":          array(0, maxViewBlocks, c.block()),
		"private_metadata": chars(0, 3000),
		"callback_id":      chars(0, 255),
		"external_id":      chars(0, 255),
	}
	if kind == modalView {
		s = s.with(schema{
			"title!":          plainText(24),
			"close":           plainText(24),
			"submit":          plainText(24),
			"clear_on_close":  boolean,
			"notify_on_close": boolean,
			"submit_disabled": boolean,
		})
	}
	view := fields(s).also(func(c *checker, path string, o object) {
		if c.inputs > 0 && kind == modalView && o["submit"] == nil {
			c.fault(path, "missing required field: submit: it is needed when there is an input block")
		}
		if c.focus > 1 {
			c.fault(path, "only one element can have focus_on_load")
		}
	})
	view(c, "/view", v)
	return c.faults
}

// block is the rule for a block on the checker's surface.
func (c *checker) block() rule {
	allowed := []string{"section", "divider", "image", "actions", "context", "header", "rich_text", "input"}
	if c.surface == "message" {
		allowed = append(allowed, "markdown")
	}
	return kinds(blockSchema, allowed...).also(checkBlock)
}

func checkBlock(c *checker, path string, o object) {
	if id := str(o, "block_id"); id != "" {
		if c.ids[id] {
			c.fault(path+"/block_id", "block_id %q already exists", id)
		}
		c.ids[id] = true
	}
	switch str(o, "type") {
	case "section":
		if o["text"] == nil && o["fields"] == nil {
			c.fault(path, "must define either `fields` or `text`")
		}
	case "input":
		c.inputs++
	case "image":
		checkImage(c, path, o)
	case "actions":
		uniqueActions(c, path, o)
	}
}

func uniqueActions(c *checker, path string, o object) {
	seen := map[string]bool{}
	for i, e := range objects(list(o, "elements")) {
		id := str(e, "action_id")
		if id != "" && seen[id] {
			c.fault(fmt.Sprintf("%s/elements/%d/action_id", path, i), "action_id %q already exists in the block", id)
		}
		seen[id] = true
	}
}

func blockSchema(kind string) schema {
	s := schema{"block_id": chars(1, 255)}
	switch kind {
	case "section":
		return s.with(schema{
			"text":      anyText(3000),
			"fields":    array(1, 10, anyText(2000)),
			"accessory": kinds(elementSchema, slices.Concat([]string{"button", "image", "overflow"}, choices(), pickers())...).also(checkElement),
			"expand":    boolean,
		})
	case "image":
		return s.with(imageSchema()).with(schema{"title": plainText(2000)})
	case "actions":
		allowed := slices.Concat([]string{"button", "overflow", "datetimepicker"}, choices(), pickers())
		return s.with(schema{"elements!": array(1, 25, kinds(elementSchema, allowed...).also(checkElement))})
	case "context":
		return s.with(schema{"elements!": array(1, 10, contextElement)})
	case "header":
		return s.with(schema{"text!": plainText(150)})
	case "rich_text":
		return s.with(richTextSchema())
	case "input":
		allowed := slices.Concat(choices(), pickers(), []string{
			"datetimepicker", "plain_text_input", "email_text_input", "url_text_input", "number_input",
		})
		return s.with(schema{
			"label!":          plainText(2000),
			"element!":        kinds(elementSchema, allowed...).also(checkElement),
			"dispatch_action": boolean,
			"hint":            plainText(2000),
			"optional":        boolean,
		})
	case "markdown":
		return s.with(schema{"text!": chars(1, 12_000)})
	}
	return s // divider
}

func choices() []string {
	return []string{
		"static_select", "users_select", "conversations_select", "channels_select",
		"multi_static_select", "multi_users_select", "multi_conversations_select", "multi_channels_select",
		"radio_buttons", "checkboxes",
	}
}

func pickers() []string { return []string{"datepicker", "timepicker"} }

// text is a text object of at most so many characters:
// docs.slack.dev/reference/block-kit/composition-objects/text-object.
func text(most int, allowed ...string) rule {
	return kinds(func(kind string) schema {
		s := schema{"text!": chars(1, most)}
		if kind == "plain_text" {
			return s.with(schema{"emoji": boolean})
		}
		return s.with(schema{"verbatim": boolean})
	}, allowed...)
}

func plainText(most int) rule { return text(most, "plain_text") }

func anyText(most int) rule { return text(most, "plain_text", "mrkdwn") }

func contextElement(c *checker, path string, v any) {
	if o, isObject := v.(object); isObject && str(o, "type") == "image" {
		kinds(elementSchema, "image").also(checkElement)(c, path, v)
		return
	}
	anyText(3000)(c, path, v)
}

func imageSchema() schema {
	return schema{
		"image_url":  link,
		"slack_file": fields(schema{"id": chars(1, 255), "url": link}),
		"alt_text!":  chars(1, 2000),
	}
}

func checkImage(c *checker, path string, o object) {
	if (o["image_url"] == nil) == (o["slack_file"] == nil) {
		c.fault(path, "must define either `image_url` or `slack_file`")
	}
}

func link(c *checker, path string, v any) {
	chars(1, 3000)(c, path, v)
	if address, _ := v.(string); !strings.Contains(address, ":") {
		c.fault(path, "invalid url")
	}
}

// confirmation is docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object.
func confirmation() rule {
	return fields(schema{
		"title!": plainText(100), "text!": plainText(300), "confirm!": plainText(30), "deny!": plainText(30),
		"style": oneOf("primary", "danger"),
	})
}

// option is docs.slack.dev/reference/block-kit/composition-objects/option-object; mrkdwn is for radio buttons and
// checkboxes only, url for overflow menus only.
func option(element string) rule {
	words := plainText(75)
	if element == "radio_buttons" || element == "checkboxes" {
		words = anyText(75)
	}
	s := schema{"text!": words, "value!": chars(1, 150), "description": words}
	if element == "overflow" {
		s["url"] = link
	}
	return fields(s)
}

// elementSchema is what docs.slack.dev/reference/block-kit/block-elements says of each element.
func elementSchema(kind string) schema {
	if kind == "image" {
		return imageSchema()
	}
	s := schema{"action_id": chars(1, 255)}
	single := schema{"confirm": confirmation()}
	focus := schema{"focus_on_load": boolean}
	hint := schema{"placeholder": plainText(150)}
	choice := s.with(single).with(focus)
	typing := s.with(focus).with(hint).with(schema{
		"dispatch_action_config": fields(schema{"trigger_actions_on": array(1, 2, oneOf("on_enter_pressed", "on_character_entered"))}),
	})
	switch kind {
	case "button":
		return s.with(single).with(schema{
			"text!": plainText(75), "url": link, "value": chars(0, 2000), "style": oneOf("primary", "danger"),
			"accessibility_label": chars(1, 75), "visible_to_user_ids": array(1, 1000, chars(1, 255)),
		})
	case "overflow":
		return s.with(single).with(schema{"options!": array(1, 5, option(kind))})
	case "radio_buttons":
		return choice.with(schema{"options!": array(1, 10, option(kind)), "initial_option": option(kind)})
	case "checkboxes":
		return choice.with(schema{"options!": array(1, 10, option(kind)), "initial_options": array(1, 10, option(kind))})
	case "datepicker":
		return choice.with(hint).with(schema{"initial_date": chars(10, 10)})
	case "timepicker":
		return choice.with(hint).with(schema{"initial_time": chars(5, 5), "timezone": chars(1, 255)})
	case "datetimepicker":
		return choice.with(schema{"initial_date_time": integer(1_000_000_000, 9_999_999_999)})
	case "plain_text_input":
		return typing.with(schema{
			"initial_value": chars(0, 3000), "multiline": boolean,
			"min_length": integer(0, 3000), "max_length": integer(1, 3000),
		})
	case "email_text_input", "url_text_input":
		return typing.with(schema{"initial_value": chars(0, 3000)})
	case "number_input":
		return typing.with(schema{
			"is_decimal_allowed!": boolean, "initial_value": chars(0, 255), "min_value": chars(0, 255), "max_value": chars(0, 255),
		})
	}
	return choice.with(hint).with(selectSchema(kind))
}

// selectSchema is what a menu holds beside what all of them do.
func selectSchema(kind string) schema {
	source, multi := strings.CutPrefix(kind, "multi_")
	source = strings.TrimSuffix(source, "_select")
	s := schema{}
	if multi {
		s["max_selected_items"] = integer(1, 100)
	}
	if source == "static" {
		s["options"] = array(1, 100, option(kind))
		s["option_groups"] = array(1, 100, fields(schema{"label!": plainText(75), "options!": array(1, 100, option(kind))}))
		if multi {
			return s.with(schema{"initial_options": array(1, 100, option(kind))})
		}
		return s.with(schema{"initial_option": option(kind)})
	}
	if source == "conversations" {
		s["default_to_current_conversation"] = boolean
		s["filter"] = anything
	}
	if !multi && source != "users" {
		s["response_url_enabled"] = boolean
	}
	if multi {
		return s.with(schema{"initial_" + source: array(1, 100, chars(1, 255))})
	}
	return s.with(schema{"initial_" + strings.TrimSuffix(source, "s"): chars(1, 255)})
}

// checkElement is what an element's schema can't say.
func checkElement(c *checker, path string, o object) {
	if focused, _ := o["focus_on_load"].(bool); focused {
		c.focus++
	}
	switch kind := str(o, "type"); kind {
	case "image":
		checkImage(c, path, o)
	case "static_select", "multi_static_select":
		if (o["options"] == nil) == (o["option_groups"] == nil) {
			c.fault(path, "must define either `options` or `option_groups`")
		}
	case "plain_text_input":
		checkTyping(c, path, o)
	}
	checkInitial(c, path, o)
}

func checkTyping(c *checker, path string, o object) {
	least, most := number(o, "min_length", 0), number(o, "max_length", 3000)
	if least > most {
		c.fault(path, "min_length must be less than max_length")
	}
	if initial := str(o, "initial_value"); initial != "" {
		c.length(path+"/initial_value", initial, least, most)
	}
}

// checkInitial holds a menu's first choice against its options, which it must repeat exactly.
func checkInitial(c *checker, path string, o object) {
	initial := list(o, "initial_options")
	field := "initial_options"
	if one := o["initial_option"]; one != nil {
		initial, field = []any{one}, "initial_option"
	}
	known := map[string]bool{}
	for _, opt := range optionsOf(o) {
		known[string(encode(opt))] = true
	}
	for _, opt := range initial {
		if !known[string(encode(opt))] {
			c.fault(path+"/"+field, "should exactly match one of the options")
		}
	}
}

func optionsOf(element object) []object {
	all := objects(list(element, "options"))
	for _, group := range objects(list(element, "option_groups")) {
		all = append(all, objects(list(group, "options"))...)
	}
	return all
}

// nameBlocks gives a block_id and action_ids to what has none.
func (s *Server) nameBlocks(blocks []any) {
	for _, b := range objects(blocks) {
		if str(b, "block_id") == "" {
			b["block_id"] = s.shortID()
		}
		for _, e := range elementsOf(b) {
			if str(e, "type") != "image" && str(e, "action_id") == "" {
				e["action_id"] = s.shortID()
			}
		}
	}
}

func (s *Server) shortID() string { return fmt.Sprintf("b%04x", s.next()) }

// elementsOf returns what people can act on in a block.
func elementsOf(block object) []object {
	switch str(block, "type") {
	case "section":
		if accessory := obj(block, "accessory"); accessory != nil {
			return []object{accessory}
		}
	case "actions":
		return objects(list(block, "elements"))
	case "input":
		if element := obj(block, "element"); element != nil {
			return []object{element}
		}
	}
	return nil
}

func hasRichText(blocks []any) bool {
	return slices.ContainsFunc(objects(blocks), func(b object) bool { return str(b, "type") == "rich_text" })
}

// tooLong is the limit on all blocks together, as github.com/slackapi/bolt-js/issues/2509 found it: 13,297
// characters in one markdown block, 13,172 beside a divider.
func tooLong(blocks []any) bool {
	n := utf8.RuneCountInString(strings.Join(readBlocks(objects(blocks)), ""))
	return n+blockCost*(len(blocks)-1) > maxBlockText
}
