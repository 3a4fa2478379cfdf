package check

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/bot/manifest"
	"ehpcbot/bot/slackapi"
)

const slackURL = "SLACK_API_URL"

// tokenAdvice is what to do about a token that Slack does not take.
func tokenAdvice(err error) string {
	if !slackapi.BadToken(err) {
		return ""
	}
	return "copy the token anew from the app's settings on api.slack.com/apps (app-level token: Basic Information; bot token: OAuth & Permissions), and see that the app is installed"
}

func (c *checker) appToken(ctx context.Context) []Finding {
	ctx, cancel := limited(ctx)
	defer cancel()
	_, _, err := c.api.StartSocketModeContext(ctx)
	if err == nil {
		return []Finding{ok("SLACK_APP_TOKEN", "Slack opens Socket Mode connections with it")}
	}
	advice := map[string]string{
		"missing_scope":            "make an app-level token with the scope connections:write (Basic Information, App-Level Tokens)",
		"not_allowed_token_type":   "SLACK_APP_TOKEN takes the app-level token (xapp-…); SLACK_BOT_TOKEN takes the other one (xoxb-…)",
		"socket_mode_not_enabled":  "switch Socket Mode on in the app's settings",
		"apps_connection_disabled": "switch Socket Mode on in the app's settings",
	}[slackapi.Code(err)]
	return []Finding{fault("SLACK_APP_TOKEN", err, slackURL, cmp.Or(advice, tokenAdvice(err)))}
}

func (c *checker) botToken(context.Context) []Finding {
	self, err := c.self()
	if err != nil {
		return []Finding{
			fault("SLACK_BOT_TOKEN", err, slackURL, tokenAdvice(err)),
			{Name: "APPROVAL_CHANNEL, APPROVERS", Status: Fault, Text: "not tried, because they need the bot token"},
		}
	}
	if slackapi.OfWorkspace(self) != nil {
		return []Finding{{"SLACK_BOT_TOKEN", Fault, fmt.Sprintf("it is that of the whole organisation %s (%s), not of a workspace", self.Team, self.TeamID),
			"install the app in the one workspace whose people ask and approve, and take the token from there"}}
	}
	findings := []Finding{
		ok("SLACK_BOT_TOKEN", fmt.Sprintf("it is %s in the workspace %s (%s)", self.User, self.Team, self.TeamID)),
		scopes(self.Header.Values("X-OAuth-Scopes")),
	}
	if date, err := http.ParseTime(self.Header.Get("Date")); err == nil {
		findings = append(findings, clock("Slack's", date, c.asked))
	}
	return findings
}

// clockMayDiffer is by how much this machine's clock may differ from others.
const clockMayDiffer = 5 * time.Second

// clock compares this machine's clock with another, which showed a second at some time since a question was asked.
func clock(whose string, date, asked time.Time) Finding {
	now := time.Now()
	date = date.Add(time.Second / 2) // most likely
	off := max(date.Sub(now), asked.Sub(date)).Round(time.Second)
	name := "the clock, by " + whose
	if off < clockMayDiffer {
		return ok(name, "it is right")
	}
	side := map[bool]string{true: "behind", false: "ahead"}[date.After(now)]
	return warn(name, fmt.Sprintf("this machine's clock is %s %s", off, side),
		"let NTP set it (timedatectl set-ntp true): the EHPC API refuses what is a minute off, and TLS what is more")
}

// scopes compares what the bot token may do, which Slack tells with every answer, with what it needs.
func scopes(header []string) Finding {
	var missing, names []string
	have := strings.FieldsFunc(strings.Join(header, ","), func(c rune) bool { return c == ',' || c == ' ' })
	for _, scope := range manifest.Scopes() {
		names = append(names, scope.Name)
		if !slices.Contains(have, scope.Name) {
			missing = append(missing, scope.Name)
		}
	}
	switch {
	case len(header) == 0:
		return warn("scopes", "not known: Slack's answer has no header X-OAuth-Scopes, which a proxy may have taken out",
			"look under OAuth & Permissions whether the app has "+strings.Join(names, ", "))
	case len(missing) > 0:
		return Finding{"scopes", Fault, fmt.Sprintf("the bot token lacks %s; it has %s", strings.Join(missing, ", "), strings.Join(have, ", ")),
			"add them under OAuth & Permissions (or paste `ehpcbot manifest` into App Manifest), then install the app again"}
	}
	return ok("scopes", strings.Join(names, ", "))
}

// sameApp compares the apps of the two tokens.
func (c *checker) sameApp(ctx context.Context) []Finding {
	self, err := c.self()
	if err != nil {
		return nil
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	const name = "SLACK_APP_TOKEN, SLACK_BOT_TOKEN"
	switch err := c.api.SameApp(ctx, self); {
	case slackapi.Fatal(err) != nil:
		return []Finding{fault(name, slackapi.Fatal(err), slackURL, "copy both tokens from the settings of one app on api.slack.com/apps")}
	case err != nil:
		f := fault(name, err, slackURL, "")
		return []Finding{warn(name, "not known whether they are of one app: "+f.Text, f.Advice)}
	}
	return []Finding{ok(name, "they are of one app")}
}

// channels tries of each approval channel whether the bot may post there.
func (c *checker) channels(ctx context.Context) (findings []Finding) {
	if _, err := c.self(); err != nil {
		return nil
	}
	for _, id := range c.conf.Policy.Channels() {
		variable := "APPROVAL_CHANNEL"
		if id != c.conf.Policy.Channel {
			variable = policyFile
		}
		findings = append(findings, c.channel(ctx, variable, id))
	}
	return findings
}

// policyFile is where what holds for a cluster alone comes from.
const policyFile = "POLICY_FILE"

// channel tries whether the bot may post. conversations.info would say so, but needs a scope that the bot has
// no other use for; so where that is missing a message is scheduled for a far day, and taken back at once.
func (c *checker) channel(ctx context.Context, variable, id string) Finding {
	ctx, cancel := limited(ctx)
	defer cancel()
	info, err := c.api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	switch {
	case err == nil && info.IsArchived:
		err = slack.SlackErrorResponse{Err: "is_archived"}
	case err == nil && !info.IsMember:
		err = slack.SlackErrorResponse{Err: "not_in_channel"}
	case untold(err):
		err = schedule(ctx, c.api, id)
	}
	if err == nil {
		return ok(variable+" "+id, "the bot may post there")
	}
	advice := map[string]string{
		"not_in_channel":    "invite the bot: type /invite @ehpcbot in the channel",
		"channel_not_found": "look at the id (at the end of the channel's details); for a private channel type /invite @ehpcbot there first",
		"is_archived":       "choose another channel, or unarchive this one",
	}[slackapi.Code(err)]
	return fault(variable+" "+id, err, slackURL, advice)
}

// untold reports whether Slack did not even look at the channel.
func untold(err error) bool {
	return slackapi.Code(err) == "missing_scope" || slackapi.Code(err) == "unknown_method"
}

func schedule(ctx context.Context, api *slackapi.API, id string) error {
	farAway := fmt.Sprint(time.Now().Add(100 * 24 * time.Hour).Unix()) // Slack allows 120 days
	channel, scheduled, err := api.ScheduleMessageContext(ctx, id, farAway, slack.MsgOptionText("ehpcbot check", false))
	if err != nil {
		return err
	}
	_, err = api.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: scheduled})
	return err
}
