package manifest_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/manifest"
)

func TestYAMLAndJSONAreTheSame(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]manifest.Options{
		"defaults":       {},
		"another name":   {Command: "/training-adduser", Name: "Training accounts"},
		"yaml's pitfall": {Command: "/x", Name: "no: \"#1\"\t& <so> 中文 \\ - *"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := manifest.JSON(o)
			require.NoError(t, err)
			require.True(t, json.Valid(data))
			require.YAMLEq(t, string(data), manifest.YAML(o))
		})
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	data, err := manifest.JSON(manifest.Options{Command: "/hpc-account", Name: "Accounts"})
	require.NoError(t, err)
	require.JSONEq(t, `{
		"display_information": {
			"name": "Accounts",
			"description": "Asks for user accounts on EHPC clusters, and hands out what was approved"
		},
		"features": {
			"bot_user": {"display_name": "Accounts", "always_online": true},
			"app_home": {
				"home_tab_enabled": true,
				"messages_tab_enabled": true,
				"messages_tab_read_only_enabled": true
			},
			"slash_commands": [{
				"command": "/hpc-account",
				"description": "Ask for a user account on an EHPC cluster",
				"usage_hint": "[username] [cluster=…] [mod=700] [until=…] [reason=\"…\"] or help",
				"should_escape": false
			}],
			"shortcuts": [{
				"name": "Ask for an account",
				"type": "global",
				"callback_id": "ask",
				"description": "Asks for a user account on an EHPC cluster"
			}]
		},
		"oauth_config": {"scopes": {"bot": ["commands", "chat:write", "im:write", "users:read", "usergroups:read", "users:read.email"], "bot_optional": ["users:read.email"]}},
		"settings": {
			"event_subscriptions": {"bot_events": ["app_home_opened"]},
			"interactivity": {"is_enabled": true},
			"socket_mode_enabled": true,
			"org_deploy_enabled": false,
			"token_rotation_enabled": false
		}
	}`, string(data))
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	require.Equal(t,
		manifest.YAML(manifest.Options{Command: manifest.DefaultCommand, Name: manifest.DefaultName}),
		manifest.YAML(manifest.Options{}))
}

// Whoever permits the app reads the YAML: no scope and no switch may stand there unexplained.
func TestYAMLSaysWhy(t *testing.T) {
	t.Parallel()
	text := manifest.YAML(manifest.Options{})
	for _, s := range append(manifest.Scopes(), manifest.OptionalScopes()...) {
		require.NotEmpty(t, s.Reason, s.Name)
		require.Contains(t, text, `- "`+s.Name+`" # `+s.Reason+"\n")
	}
	for _, s := range manifest.AppScopes() {
		require.Contains(t, text, s.Name+": "+s.Reason)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, ": true") || strings.Contains(line, ": false") {
			require.Regexp(t, ` # \S`, line)
		}
	}
}

func TestSlackTakesTheTexts(t *testing.T) {
	t.Parallel()
	var m struct {
		DisplayInformation struct{ Name, Description string } `json:"display_information"`
		Features           struct {
			SlashCommands []struct {
				Command     string
				Description string
				UsageHint   string `json:"usage_hint"`
			} `json:"slash_commands"`
			Shortcuts []struct{ Name, Description string }
		}
	}
	data, err := manifest.JSON(manifest.Options{})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &m))
	require.LessOrEqual(t, utf8.RuneCountInString(m.DisplayInformation.Name), 35)
	require.LessOrEqual(t, utf8.RuneCountInString(m.DisplayInformation.Description), 140)
	require.Len(t, m.Features.SlashCommands, 1)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Features.SlashCommands[0].Description), 2000)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Features.SlashCommands[0].UsageHint), 1000)
	require.Len(t, m.Features.Shortcuts, 1)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Features.Shortcuts[0].Name), 24)
	require.LessOrEqual(t, utf8.RuneCountInString(m.Features.Shortcuts[0].Description), 150)
}
