package config

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"ehpcbot/bot"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/view"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/secret"
)

// slackEnv is the text of what the bot needs to know of its workspace.
type slackEnv struct {
	AppToken    string `env:"SLACK_APP_TOKEN"`
	BotToken    string `env:"SLACK_BOT_TOKEN"`
	APIURL      string `env:"SLACK_API_URL"`
	Connections string `env:"SLACK_CONNECTIONS"`
	Command     string `env:"SLACK_COMMAND"`
	Channel     string `env:"APPROVAL_CHANNEL"`
	PerMinute   string `env:"REQUESTS_PER_MINUTE"`
	LoginHint   string `env:"LOGIN_HINT"`
	Locale      string `env:"LOCALE"`
}

func (e slackEnv) config(f *collector) bot.Config {
	e.checkTokens(f)
	return bot.Config{
		API: slackapi.Config{
			URL: checkAPIURL(f, e.APIURL), AppToken: secret.New(e.AppToken), BotToken: secret.New(e.BotToken),
		},
		Connections:       f.number("SLACK_CONNECTIONS", e.Connections, 1, 10),
		Command:           checkCommand(f, e.Command),
		Channel:           checkChannel(f, "APPROVAL_CHANNEL", e.Channel),
		RequestsPerMinute: f.number("REQUESTS_PER_MINUTE", e.PerMinute, 0, 1000),
		LoginHint:         checkHint(f, "LOGIN_HINT", e.LoginHint),
		Locale:            view.Locale(f.choice("LOCALE", e.Locale, string(view.English), string(view.Chinese))),
	}
}

const (
	appToken = "xapp-"
	botToken = "xoxb-"
)

func (e slackEnv) checkTokens(f *collector) {
	if strings.HasPrefix(e.AppToken, botToken) && strings.HasPrefix(e.BotToken, appToken) {
		f.addRight("SLACK_APP_TOKEN", "swap the two", "holds the bot token, and SLACK_BOT_TOKEN the app-level one")
		return
	}
	checkToken(f, "SLACK_APP_TOKEN", e.AppToken, appToken)
	checkToken(f, "SLACK_BOT_TOKEN", e.BotToken, botToken)
}

func checkToken(f *collector, name, token, prefix string) {
	switch {
	case f.missing(name, token):
	case !strings.HasPrefix(token, prefix):
		f.add(name, "%s", tokenKind(token, prefix))
	case token == prefix:
		f.add(name, "ends after %s", prefix)
	default:
		f.secretWord(name, token)
	}
}

// tokenKind says what stands where a token with prefix belongs, without showing it.
func tokenKind(token, prefix string) string {
	kinds := [][2]string{{appToken, "an app-level token"}, {botToken, "a bot token"}, {"xoxp-", "a user token"}, {"xoxe", "a token that expires"}}
	for _, k := range kinds {
		if strings.HasPrefix(token, k[0]) {
			return "holds " + k[1]
		}
	}
	return "does not begin with " + prefix
}

// checkAPIURL asks of the address what is asked of the other one that is given secrets, but lets it have a path.
func checkAPIURL(f *collector, value string) string {
	host := value
	if u, err := url.Parse(value); err == nil && u.Host != "" {
		u.Path, u.RawPath = "", ""
		host = u.String()
	}
	if err := ehpc.ValidateEndpoint(host); err != nil {
		f.add("SLACK_API_URL", "%s: %v", f.quote(value), err)
	}
	return strings.TrimRight(value, "/") + "/"
}

var commandForm = regexp.MustCompile(`^/[a-z0-9_-]{1,31}$`)

func checkCommand(f *collector, value string) string {
	if !commandForm.MatchString(value) {
		f.add("SLACK_COMMAND", "%s is not the name of a command", f.quote(value))
	}
	return value
}

var channelForm = regexp.MustCompile(`^[CG][A-Z0-9]+$`)

func checkChannel(f *collector, name, value string) string {
	switch {
	case f.missing(name, value):
	case strings.HasPrefix(value, "#"):
		f.add(name, "%s is a channel's name", f.quote(value))
	case !channelForm.MatchString(value):
		f.add(name, "%s is no channel's id", f.quote(value))
	}
	return value
}

const hintMaxLength = 500

func checkHint(f *collector, name, value string) string {
	switch n := utf8.RuneCountInString(value); {
	case n > hintMaxLength:
		f.add(name, "has %d characters", n)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		f.add(name, "holds a line break or another control character")
	}
	return value
}
