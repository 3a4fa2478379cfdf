// Package manifest is the description of the Slack app, in the form that Slack makes an app from: what the app
// is called, which command it has, what it may do, and how Slack reaches it. [YAML] says why beside each
// setting, for the people who have to permit it; [JSON] is the same for programs.
package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"ehpcbot/bot/view"
)

// DefaultCommand is the slash command, unless another one is configured.
const DefaultCommand = "/ehpc-adduser"

// DefaultName is what the app is called, unless it is given another name.
const DefaultName = "ehpcbot"

// Options are what differs between deployments. An empty field stands for the default.
type Options struct {
	Command string // the slash command, with its slash
	Name    string // what the app and its bot user are called, at most 35 characters
}

// Scope is a permission of the app, and why it is needed.
type Scope struct {
	Name   string
	Reason string
}

// Scopes returns the permissions of the bot token that what the bot does needs.
func Scopes() []Scope {
	return []Scope{
		{"commands", "people ask with the slash command"},
		{"chat:write", "requests are shown to the approvers, and credentials to the requester"},
		{"im:write", "the direct message that hands the credentials over is opened"},
		{"users:read", "a person's name, title, photo and language, and whether the account is a bot, a guest or deactivated"},
		{"usergroups:read", "the members of the user groups among the approvers"},
	}
}

// OptionalScopes returns the permissions of the bot token that who installs the app may leave out.
func OptionalScopes() []Scope {
	return []Scope{{"users:read.email", "a username is suggested from the e-mail address; without it, from the name in Slack"}}
}

// AppScopes returns the permissions of the app-level token. No manifest can ask for them: they are chosen where
// the token is made.
func AppScopes() []Scope {
	return []Scope{{"connections:write", "the Socket Mode connections are opened"}}
}

// field is a setting: its key, a value, which is a string, a bool or nested settings, and why it is so.
type field struct {
	key   string
	value any
	why   string
}

// What a value can be, besides a string and a bool.
type (
	object []field
	list   []item
)

// item is a value in a list, and why it is there.
type item struct {
	value any
	why   string
}

// of is the manifest. All that is rendered is rendered from it.
func of(o Options) object {
	if o.Command == "" {
		o.Command = DefaultCommand
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	return object{
		{"display_information", object{
			{"name", o.Name, ""},
			{"description", "Asks for user accounts on EHPC clusters, and hands out what was approved", ""},
		}, ""},
		{"features", features(o), ""},
		{"oauth_config", object{{"scopes", object{
			{"bot", scopes(append(Scopes(), OptionalScopes()...)), ""},
			{"bot_optional", scopes(OptionalScopes()), "of those above, what need not be granted"},
		}, ""}}, ""},
		{"settings", settings(), ""},
	}
}

func features(o Options) object {
	return object{
		{"bot_user", object{
			{"display_name", o.Name, ""},
			{"always_online", true, "it answers at any hour"},
		}, ""},
		{"app_home", object{
			{"home_tab_enabled", true, "it shows people their requests and accounts, and approvers what waits"},
			{"messages_tab_enabled", true, "without it the bot can't send the credentials as a direct message"},
			{"messages_tab_read_only_enabled", true, "the bot reads no messages, so none can be written to it"},
		}, ""},
		{"slash_commands", list{{object{
			{"command", o.Command, "SLACK_COMMAND"},
			{"description", "Ask for a user account on an EHPC cluster", ""},
			{"usage_hint", "[username] [cluster=…] [mod=700] [until=…] [reason=\"…\"] or help", ""},
			{"should_escape", false, "what was typed arrives as it was typed"},
		}, ""}}, ""},
		{"shortcuts", list{{object{
			{"name", "Ask for an account", ""},
			{"type", "global", "it opens the form from anywhere"},
			{"callback_id", view.CallbackShortcut, ""},
			{"description", "Asks for a user account on an EHPC cluster", ""},
		}, ""}}, ""},
	}
}

func scopes(all []Scope) list {
	var l list
	for _, s := range all {
		l = append(l, item{s.Name, s.Reason})
	}
	return l
}

func settings() object {
	return object{
		{"event_subscriptions", object{{"bot_events", list{{"app_home_opened", "the Home tab is filled when somebody opens it; it needs no scope"}}, ""}}, ""},
		{"interactivity", object{{"is_enabled", true, "the buttons, forms and shortcuts"}}, ""},
		{"socket_mode_enabled", true, "the bot calls Slack, and needs no public address"},
		{"org_deploy_enabled", false, "one deployment serves one workspace"},
		{"token_rotation_enabled", false, "the bot token is configuration, and the bot can't renew that"},
	}
}

// JSON returns the manifest as JSON.
func JSON(o Options) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(plain(of(o))); err != nil {
		return nil, fmt.Errorf("encode the manifest: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// plain is a value without the reasons, of types that package json knows.
func plain(value any) any {
	switch v := value.(type) {
	case object:
		m := make(map[string]any, len(v))
		for _, f := range v {
			m[f.key] = plain(f.value)
		}
		return m
	case list:
		l := make([]any, len(v))
		for i, it := range v {
			l[i] = plain(it.value)
		}
		return l
	}
	return value
}

// YAML returns the manifest as YAML, with the reason for a setting behind it.
func YAML(o Options) string {
	var b strings.Builder
	b.WriteString("# Slack app manifest of ehpcbot. To use it: https://api.slack.com/apps, Create New App, From a manifest.\n" +
		"# The app-level token (SLACK_APP_TOKEN) is made afterwards, under Basic Information, with the scope\n")
	for _, s := range AppScopes() {
		b.WriteString("#   " + s.Name + ": " + s.Reason + "\n")
	}
	writeObject(&b, "", "", of(o))
	return b.String()
}

// writeObject writes the settings, the first behind lead and the others behind indent, which is as wide.
func writeObject(b *strings.Builder, lead, indent string, o object) {
	for _, f := range o {
		b.WriteString(lead + f.key + ":")
		lead = indent
		switch v := f.value.(type) {
		case object:
			b.WriteString(comment(f.why))
			writeObject(b, indent+"  ", indent+"  ", v)
		case list:
			b.WriteString(comment(f.why))
			writeList(b, indent+"  ", v)
		default:
			b.WriteString(" " + scalar(v) + comment(f.why))
		}
	}
}

func writeList(b *strings.Builder, indent string, l list) {
	for _, it := range l {
		if o, ok := it.value.(object); ok {
			writeObject(b, indent+"- ", indent+"  ", o)
		} else {
			b.WriteString(indent + "- " + scalar(it.value) + comment(it.why))
		}
	}
}

// comment ends a line, with the reason where there is one.
func comment(why string) string {
	if why == "" {
		return "\n"
	}
	return " # " + why + "\n"
}

// scalar writes a string in double quotes, whose escapes YAML shares with JSON, so that no name can be taken
// for anything else.
func scalar(value any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // a string or a bool, of which none can fail
	return strings.TrimSuffix(b.String(), "\n")
}
