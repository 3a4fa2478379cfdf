package config_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot"
	"ehpcbot/bot/config"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// key returns an ENCRYPTION_KEY of 32 times the byte.
func key(b byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32))
}

// required is the least that loads.
func required() map[string]string {
	return map[string]string{
		"SLACK_APP_TOKEN":             "xapp-1-A0123456789-level",
		"SLACK_BOT_TOKEN":             "xoxb-0123456789-bot",
		"QINGCLOUD_ACCESS_KEY_ID":     "QYACCESSKEYIDEXAMPLE",
		"QINGCLOUD_SECRET_ACCESS_KEY": "SECRETACCESSKEY",
		"EHPC_CLUSTERS":               "ehpc-8jqdq0mz@jn1a",
		"APPROVAL_CHANNEL":            "C0123456789",
		"APPROVERS":                   "U0123456789",
	}
}

// with returns the required variables and those given besides, of which "unset" ones are taken away.
func with(more map[string]string) map[string]string {
	env := required()
	maps.Copy(env, more)
	maps.DeleteFunc(env, func(_, v string) bool { return v == "unset" })
	return env
}

func load(t *testing.T, more map[string]string) config.Config {
	t.Helper()
	c, err := config.Load(envconfig.MapLookuper(with(more)))
	require.NoError(t, err)
	return c
}

// faults returns what is said about the environment, line by line.
func faults(t *testing.T, env map[string]string) []string {
	t.Helper()
	c, err := config.Load(envconfig.MapLookuper(env))
	if err == nil {
		return nil
	}
	var list config.Faults
	require.ErrorAs(t, err, &list)
	require.Zero(t, c, "a configuration with faults is none")
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, len(list), "one line for each fault")
	return lines
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, nil)
	require.Contains(t, c.Policy.Reserved, "root")
	c.Policy.Reserved = nil
	require.Equal(t, config.Config{
		Slack: bot.Config{
			API: slackapi.Config{
				URL:      "https://slack.com/api/",
				AppToken: secret.New("xapp-1-A0123456789-level"), BotToken: secret.New("xoxb-0123456789-bot"),
			},
			Connections:       2,
			RequestsPerMinute: 10,
			Command:           "/ehpc-adduser",
			Locale:            view.English,
		},
		EHPC: ehpc.Config{
			Endpoint:        "https://hpc.api.qingcloud.com",
			AccessKeyID:     "QYACCESSKEYIDEXAMPLE",
			SecretAccessKey: secret.New("SECRETACCESSKEY"),
		},
		Policy: approval.Config{
			Rules: approval.Rules{
				Channel:     "C0123456789",
				Approvers:   []string{"U0123456789"},
				Required:    1,
				Expiry:      72 * time.Hour,
				Reminder:    24 * time.Hour,
				AllowedMods: []string{"700", "750", "755"},
			},
			Clusters:       []approval.Cluster{{ID: "ehpc-8jqdq0mz", Zone: "jn1a"}},
			MaxActive:      5,
			PasswordLength: 20,
			AccountsAtOnce: 1,
			CallsPerHour:   2000,
			CredentialsTTL: 24 * time.Hour,
		},
		Database: config.Database{URL: "sqlite:ehpcbot.db"},
		HTTPAddr: "127.0.0.1:9095",
		Log:      config.Log{Level: slog.LevelInfo, Format: "text"},
	}, c)
}

// The signs that a Chinese keyboard writes are read as their narrow forms.
func TestWideSigns(t *testing.T) {
	t.Parallel()
	narrow := map[string]string{
		"EHPC_CLUSTERS": "ehpc-8jqdq0mz@jn1a,ehpc-x@jn1a=训练,ehpc-y@jn1a", "APPROVERS": "U1,S2,U3", "EHPC_ALLOWED_MODS": "700,750",
		"EHPC_RESERVED_USERNAMES": "root,admin", "EHPC_REUSABLE_USERNAMES": "isabel,otto", "ENCRYPTION_KEY": key('a') + "," + key('b'),
	}
	wide := map[string]string{
		"EHPC_CLUSTERS": "ehpc-8jqdq0mz＠jn1a，　ehpc-x@jn1a＝训练、ehpc-y@jn1a", "APPROVERS": "U1，S2、U3", "EHPC_ALLOWED_MODS": "700，750",
		"EHPC_RESERVED_USERNAMES": "root、admin", "EHPC_REUSABLE_USERNAMES": "isabel，otto", "ENCRYPTION_KEY": key('a') + "，" + key('b'),
	}
	require.Equal(t, load(t, narrow), load(t, wide))
}

func TestLoadEverything(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{
		"SLACK_API_URL":           "http://127.0.0.1:4000/api",
		"SLACK_CONNECTIONS":       "10",
		"SLACK_COMMAND":           "/training_2-adduser",
		"EHPC_ENDPOINT":           "http://localhost:4001",
		"EHPC_CALLS_PER_HOUR":     "0",
		"EHPC_ACCOUNTS_AT_ONCE":   "20",
		"EHPC_CLUSTERS":           " ehpc-8jqdq0mz@jn1a , ehpc-x@sd2a = Training = Zhōngwén 中文 @ home ",
		"EHPC_ALLOWED_MODS":       "700, 770",
		"EHPC_RESERVED_USERNAMES": "root, systemd-network, host$",
		"APPROVAL_CHANNEL":        "G0123456789",
		"APPROVERS":               "U1, W2,S3",
		"ADMINISTRATORS":          "S3,U4",
		"APPROVALS_REQUIRED":      "5",
		"APPROVAL_ALLOW_SELF":     "Yes",
		"RESET_NEEDS_APPROVAL":    "true",
		"APPROVAL_EXPIRY":         "3d",
		"APPROVAL_REMINDER":       "1d12h",
		"MAX_ACTIVE_REQUESTS":     "020",
		"REQUESTS_PER_MINUTE":     "0",
		"PASSWORD_LENGTH":         "30",
		"CREDENTIALS_TTL":         "0",
		"CREDENTIALS_DELIVERY":    "Button",
		"LOGIN_HINT":              "ssh {username}@login.example.org",
		"DATABASE_URL":            "postgres://bot:pa%2Fss@db-1:5432,db-2:5432/ehpcbot?sslmode=verify-full",
		"ENCRYPTION_KEY":          key(251) + ", " + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(key(252)), "="),
		"HTTP_ADDR":               ":0",
		"LOCALE":                  "ZH",
		"LOG_LEVEL":               "debug",
		"LOG_FORMAT":              "json",
	})
	require.Equal(t, "http://127.0.0.1:4000/api/", c.Slack.API.URL)
	require.Equal(t, 10, c.Slack.Connections)
	require.Equal(t, "/training_2-adduser", c.Slack.Command)
	require.Zero(t, c.Slack.RequestsPerMinute)
	require.Equal(t, view.Chinese, c.Slack.Locale)
	require.Equal(t, "http://localhost:4001", c.EHPC.Endpoint)
	require.Zero(t, c.Policy.CallsPerHour)
	require.Equal(t, approval.Config{
		Clusters: []approval.Cluster{
			{ID: "ehpc-8jqdq0mz", Zone: "jn1a"},
			{ID: "ehpc-x", Zone: "sd2a", Name: "Training = Zhōngwén 中文 @ home"},
		},
		Rules: approval.Rules{
			Channel:     "G0123456789",
			Approvers:   []string{"U1", "W2", "S3"},
			Required:    5,
			AllowSelf:   true,
			Expiry:      72 * time.Hour,
			Reminder:    36 * time.Hour,
			AllowedMods: []string{"700", "770"},
			LoginHint:   "ssh {username}@login.example.org",
		},
		Reserved:       []string{"root", "systemd-network", "host$"},
		Administrators: []string{"S3", "U4"},
		ResetsDecided:  true,
		MaxActive:      20,
		PasswordLength: 30,
		ByButton:       true,
		AccountsAtOnce: 20,
	}, c.Policy)
	require.True(t, c.Database.Postgres())
	require.Len(t, c.Database.Keys, 2)
	require.NotEqual(t, c.Database.Keys.Reveal()[0], c.Database.Keys.Reveal()[1])
	require.Equal(t, ":0", c.HTTPAddr)
	require.Equal(t, config.Log{Level: slog.LevelDebug, Format: "json"}, c.Log)
}

func TestLoadTrims(t *testing.T) {
	t.Parallel()
	env := required()
	for name, value := range env {
		env[name] = "\t " + value + " \r\n"
	}
	require.Equal(t, load(t, nil), load(t, env))
}

// Orchestrators hand over variables that are set to nothing: those are as good as unset.
func TestLoadEmptyIsUnset(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	for _, v := range config.Variables() {
		switch v.Name {
		case "EHPC_ALLOWED_MODS", "EHPC_RESERVED_USERNAMES", "HTTP_ADDR":
		default:
			env[v.Name] = " "
		}
		env[v.Name+"_FILE"] = ""
	}
	maps.Copy(env, required())
	require.Equal(t, load(t, nil), load(t, env))
}

func TestLoadEmptyWithMeaning(t *testing.T) {
	t.Parallel()
	c := load(t, map[string]string{"EHPC_ALLOWED_MODS": "", "EHPC_RESERVED_USERNAMES": " ", "HTTP_ADDR": ""})
	require.Empty(t, c.Policy.AllowedMods)
	require.Empty(t, c.Policy.Reserved)
	require.Empty(t, c.HTTPAddr)
}

func TestLoadKeyForms(t *testing.T) {
	t.Parallel()
	std := key(251)
	url := strings.NewReplacer("+", "-", "/", "_").Replace(std)
	require.NotEqual(t, std, url)
	want := load(t, map[string]string{"ENCRYPTION_KEY": std}).Database.Keys.Reveal()
	for _, form := range []string{url, strings.TrimRight(std, "="), strings.TrimRight(url, "=")} {
		require.Equal(t, want, load(t, map[string]string{"ENCRYPTION_KEY": form}).Database.Keys.Reveal())
	}
}

func TestKeysRevealsACopy(t *testing.T) {
	t.Parallel()
	keys := load(t, map[string]string{"ENCRYPTION_KEY": key('k')}).Database.Keys
	clear(keys.Reveal()[0])
	require.Equal(t, bytes.Repeat([]byte{'k'}, 32), keys.Reveal()[0])
}

func TestCommand(t *testing.T) {
	t.Parallel()
	command, err := config.Command(envconfig.MapLookuper(nil))
	require.NoError(t, err)
	require.Equal(t, "/ehpc-adduser", command)

	command, err = config.Command(envconfig.MapLookuper(map[string]string{"SLACK_COMMAND": "/hpc"}))
	require.NoError(t, err)
	require.Equal(t, "/hpc", command)

	_, err = config.Command(envconfig.MapLookuper(map[string]string{"SLACK_COMMAND": "hpc"}))
	require.EqualError(t, err, `SLACK_COMMAND: "hpc" is not the name of a command; `+
		`give a name such as /ehpc-adduser: a slash, then lower-case letters, digits, - and _, 32 characters in all`)
}

func TestHTTPAddr(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{"unset": "127.0.0.1:9095", "": "", "[::1]:80": "[::1]:80"} {
		addr, err := config.HTTPAddr(envconfig.MapLookuper(with(map[string]string{"HTTP_ADDR": value, "LOG_LEVEL": "loud"})))
		require.NoError(t, err)
		require.Equal(t, want, addr)
	}
	_, err := config.HTTPAddr(envconfig.MapLookuper(map[string]string{"HTTP_ADDR": "9095"}))
	require.EqualError(t, err, `HTTP_ADDR: "9095" is not host:port; give host:port, such as 127.0.0.1:9095, or set it to nothing for off`)
}
