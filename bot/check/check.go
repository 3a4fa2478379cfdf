// Package check tries a configuration against the real services, and says what is wrong and how to mend it.
// It changes nothing there, and nobody sees anything of it.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/config"
	"ehpcbot/bot/manifest"
	"ehpcbot/bot/slackapi"
	"ehpcbot/ehpc"
)

// Report writes a line for each thing that is tried.
type Report struct {
	out    io.Writer
	failed int
	team   string // the bot's workspace, once it is known
}

// Failed returns how many things failed.
func (r *Report) Failed() int { return r.failed }

// line writes one result. Advice tells what to do about a failure.
func (r *Report) line(what string, found string, err error, advice string) bool {
	if err == nil {
		fmt.Fprintf(r.out, "ok    %s: %s\n", what, found)
		return true
	}
	r.failed++
	// Some errors begin with the name of their variable.
	fmt.Fprintf(r.out, "FAIL  %s: %s\n", what, strings.TrimPrefix(err.Error(), what+": "))
	if advice != "" {
		fmt.Fprintf(r.out, "      -> %s\n", advice)
	}
	return false
}

// warn writes a line about what works, but should be otherwise.
func (r *Report) warn(what, found, advice string) {
	fmt.Fprintf(r.out, "warn  %s: %s\n      -> %s\n", what, found, advice)
}

// Run tries everything in the order in which it is set up. The report counts what failed.
func Run(ctx context.Context, out io.Writer, conf config.Config, api *slackapi.API, accounts *ehpc.Client) *Report {
	r := &Report{out: out}
	r.appToken(ctx, api)
	if r.botToken(ctx, api) {
		r.channel(ctx, api, conf.Slack.Channel)
		r.approvers(ctx, api, conf.Policy)
	} else {
		r.line("APPROVAL_CHANNEL, APPROVERS", "", errors.New("not tried, because they need the bot token"), "")
	}
	for _, cluster := range conf.Policy.Clusters {
		r.cluster(ctx, accounts, cluster)
	}
	r.database(ctx, conf.Database)
	return r
}

// tried bounds each question.
func tried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 15*time.Second)
}

const newToken = "copy the token anew from the app's settings on api.slack.com/apps"

func (r *Report) appToken(ctx context.Context, api *slackapi.API) {
	ctx, cancel := tried(ctx)
	defer cancel()
	_, _, err := api.StartSocketModeContext(ctx)
	advice := map[string]string{
		"missing_scope":            "make an app-level token with the scope connections:write (Basic Information, App-Level Tokens)",
		"not_allowed_token_type":   "SLACK_APP_TOKEN takes the app-level token (xapp-…); SLACK_BOT_TOKEN takes the other one (xoxb-…)",
		"socket_mode_not_enabled":  "switch Socket Mode on in the app's settings",
		"apps_connection_disabled": "switch Socket Mode on in the app's settings",
	}[code(err)]
	r.line("SLACK_APP_TOKEN", "Slack opens Socket Mode connections with it", plain(err), cmp.Or(advice, slackAdvice(err, newToken)))
}

func (r *Report) botToken(ctx context.Context, api *slackapi.API) bool {
	ctx, cancel := tried(ctx)
	defer cancel()
	self, err := api.AuthTestContext(ctx)
	if err != nil {
		return r.line("SLACK_BOT_TOKEN", "", plain(err), slackAdvice(err, newToken+" (OAuth & Permissions, Bot User OAuth Token), and see that the app is installed"))
	}
	r.team = self.TeamID
	r.line("SLACK_BOT_TOKEN", fmt.Sprintf("it is %s in the workspace %s (%s)", self.User, self.Team, self.TeamID), nil, "")
	r.scopes(self.Header.Get("X-OAuth-Scopes"))
	err = api.SameApp(ctx, self)
	r.line("SLACK_APP_TOKEN, SLACK_BOT_TOKEN", "they are of one app", plain(err), slackAdvice(err, newToken))
	return true
}

// scopes compares what the bot token may do, which Slack tells with every answer, with what it needs.
func (r *Report) scopes(header string) {
	have := strings.FieldsFunc(header, func(c rune) bool { return c == ',' || c == ' ' })
	var missing, names []string
	for _, scope := range manifest.Scopes() {
		names = append(names, scope.Name)
		if !slices.Contains(have, scope.Name) {
			missing = append(missing, scope.Name)
		}
	}
	var err error
	if len(missing) > 0 {
		err = fmt.Errorf("the bot token lacks %s", strings.Join(missing, ", "))
	}
	r.line("scopes", strings.Join(names, ", "), err, "add them under OAuth & Permissions (or paste `ehpcbot manifest` into App Manifest), then install the app again")
}

// channel tries whether the bot may post. conversations.info would say so, but needs a scope that the bot has
// no other use for; so where that is missing a message is scheduled for a far day, and taken back at once.
func (r *Report) channel(ctx context.Context, api *slackapi.API, id string) {
	ctx, cancel := tried(ctx)
	defer cancel()
	info, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
	found := "the bot may post there"
	switch {
	case err == nil && info.IsArchived:
		err = slack.SlackErrorResponse{Err: "is_archived"}
	case err == nil && !info.IsMember:
		err = slack.SlackErrorResponse{Err: "not_in_channel"}
	case untold(err):
		err = schedule(ctx, api, id)
	}
	advice := map[string]string{
		"not_in_channel":    "invite the bot: type /invite @ehpcbot in the channel",
		"channel_not_found": "look at the id (at the end of the channel's details); for a private channel type /invite @ehpcbot there first",
		"is_archived":       "choose another channel, or unarchive this one",
	}[code(err)]
	r.line("APPROVAL_CHANNEL "+id, found, plain(err), cmp.Or(advice, slackAdvice(err, "")))
}

// untold reports whether Slack did not even look at the channel.
func untold(err error) bool {
	return code(err) == "missing_scope" || code(err) == "unknown_method"
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

func (r *Report) approvers(ctx context.Context, api *slackapi.API, policy approval.Config) {
	people := map[string]bool{}
	known := true
	for _, id := range policy.Approvers {
		var err error
		if strings.HasPrefix(id, "S") {
			err = r.group(ctx, api, id, people)
		} else {
			err = r.person(ctx, api, id, people)
		}
		known = known && err == nil
	}
	if known && len(people) < policy.Required {
		r.line("APPROVALS_REQUIRED", "", fmt.Errorf("%d approvers are needed, and there are %d", policy.Required, len(people)),
			"name more people in APPROVERS, or lower APPROVALS_REQUIRED")
	}
}

func (r *Report) group(ctx context.Context, api *slackapi.API, id string, people map[string]bool) error {
	ctx, cancel := tried(ctx)
	defer cancel()
	members, err := api.GetUserGroupMembersContext(ctx, id)
	if err == nil && len(members) == 0 {
		err = errors.New("the user group has no members")
	}
	for _, m := range members {
		people[m] = true
	}
	advice := map[string]string{
		"plan_upgrade_required": "user groups need a paid plan: list the approvers by their user ids (U…)",
		"no_such_subteam":       "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
		"subteam_not_found":     "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
	}[code(err)]
	r.line("APPROVERS "+id, fmt.Sprintf("a user group of %d", len(members)), plain(err), cmp.Or(advice, slackAdvice(err, "add members to the group")))
	return err
}

func (r *Report) person(ctx context.Context, api *slackapi.API, id string, people map[string]bool) error {
	ctx, cancel := tried(ctx)
	defer cancel()
	user, err := api.GetUserInfoContext(ctx, id)
	name := ""
	switch {
	case err != nil:
	case user.Deleted:
		err = errors.New("the person is deactivated")
	case user.IsBot:
		err = errors.New("this is a bot, which can't approve")
	case user.IsStranger, user.TeamID != "" && user.TeamID != r.team && !slices.Contains(user.Enterprise.Teams, r.team):
		err = errors.New("this is a person of another organisation, who can't approve")
	default:
		name = cmp.Or(user.RealName, user.Name)
		people[id] = true
	}
	r.line("APPROVERS "+id, name, plain(err), slackAdvice(err, "look at the id: in Slack, the person's profile, ⋮, Copy member ID"))
	return err
}

// cluster lists one user, which needs the key, the zone and the cluster to be right, and changes nothing.
func (r *Report) cluster(ctx context.Context, accounts *ehpc.Client, c approval.Cluster) {
	ctx, cancel := tried(ctx)
	defer cancel()
	page, err := accounts.ListUsers(ctx, ehpc.ListUsersRequest{ClusterID: c.ID, Zone: c.Zone, Limit: 1})
	advice := ""
	switch {
	case errors.Is(err, ehpc.ErrAuth):
		advice = "look at QINGCLOUD_ACCESS_KEY_ID and QINGCLOUD_SECRET_ACCESS_KEY, and that the key is enabled in the console"
	case errors.Is(err, ehpc.ErrNotFound):
		advice = "look at the cluster's id and zone in EHPC_CLUSTERS, and that the key belongs to the account that owns it"
	case errors.Is(err, ehpc.ErrDenied):
		advice = "give the key access to the cluster, or wait until the cluster is active"
	case errors.Is(err, ehpc.ErrBalance):
		advice = "the balance of the QingCloud account is too low: top it up"
	case errors.Is(err, ehpc.ErrOperator):
		advice = "look at the clock of this machine (the API refuses what is more than a minute off) and at EHPC_ENDPOINT"
	case errors.Is(err, ehpc.ErrBusy):
		advice = "the API is busy, or its quota of calls is used up: try again later"
	case errors.Is(err, ehpc.ErrOutcomeUnknown):
		advice = "look at EHPC_ENDPOINT, and whether this machine may reach it"
	}
	r.line("EHPC_CLUSTERS "+c.ID+"@"+c.Zone, fmt.Sprintf("%d users", page.Total), err, advice)
}

func (r *Report) database(ctx context.Context, conf config.Database) {
	ctx, cancel := tried(ctx)
	defer cancel()
	for _, path := range store.Exposed(conf.URL) {
		r.warn("DATABASE_URL", path+" can be read or changed by others than its owner", "chmod 600 "+path+" (the bot does so at its start, if it is the owner)")
	}
	db, err := store.Open(ctx, conf.URL)
	if errors.Is(err, store.ErrInUse) {
		r.line("DATABASE_URL", "in use by an ehpcbot that is running, so its key is not looked at", nil, "")
		return
	}
	advice := "see that the folder exists and that this user may write there, or that PostgreSQL runs and lets this user in"
	if errors.As(err, new(*store.NewerDatabaseError)) || errors.Is(err, store.ErrSplit) || errors.Is(err, store.ErrEmptied) {
		advice = "" // the error says it
	}
	if err != nil {
		r.line("DATABASE_URL", "", err, advice)
		return
	}
	defer db.Close()
	r.line("DATABASE_URL", "opened, and up to date: "+db.Place(), nil, "")
	_, err = keyring.For(ctx, db, conf.Keys.Reveal())
	advice = "let the key file be readable for this user, or restore it from a backup"
	if errors.As(err, new(*keyring.Error)) {
		advice = "" // the error says it
	}
	r.line("ENCRYPTION_KEY", "opens all that is sealed", err, advice)
}

func code(err error) string {
	var answer slack.SlackErrorResponse
	if errors.As(err, &answer) {
		return answer.Err
	}
	return ""
}

// plain takes the URL out of an error of the network.
func plain(err error) error {
	type wrapper interface{ Unwrap() error }
	if err == nil || code(err) != "" {
		return err
	}
	if w, ok := err.(wrapper); ok && strings.Contains(err.Error(), "://") {
		return plain(w.Unwrap())
	}
	return err
}

func slackAdvice(err error, otherwise string) string {
	switch c := code(err); {
	case err == nil:
		return ""
	case c == "missing_scope":
		return "add the scope under OAuth & Permissions, then install the app again"
	case c == "" && errors.As(err, new(*url.Error)), errors.As(err, new(slack.StatusCodeError)):
		return "look at SLACK_API_URL, and whether this machine may reach it; Slack itself may be down (slack-status.com)"
	}
	return otherwise
}
