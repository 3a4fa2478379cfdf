// Package check tries a configuration against the real services, and says what is wrong and how to mend it.
// It changes nothing there, and nobody sees anything of it.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/slack-go/slack"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/cause"
	"ehpcbot/bot/config"
	"ehpcbot/bot/manifest"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/status"
	"ehpcbot/ehpc"
)

// Status is how something was found.
type Status string

// OK works, Warn works but should be otherwise, Fault does not work.
const (
	OK    Status = "ok"
	Warn  Status = "warn"
	Fault Status = "fault"
)

// Finding is what became of one thing that was tried.
type Finding struct {
	Name   string `json:"name"` // of the variable, most often
	Status Status `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// String returns the finding as a line, and its advice as another.
func (f Finding) String() string {
	text := fmt.Sprintf("%-5s %s: %s\n", map[Status]string{OK: "ok", Warn: "warn", Fault: "FAIL"}[f.Status], f.Name, f.Text)
	if f.Advice != "" {
		text += "      -> " + f.Advice + "\n"
	}
	return text
}

func ok(name, text string) Finding { return Finding{Name: name, Status: OK, Text: text} }

func warn(name, text, advice string) Finding { return Finding{name, Warn, text, advice} }

// fault tells an error by its cause. advice is what to do about it, where that is known better here. setting is the
// variable that says where was asked.
func fault(name string, err error, setting, advice string) Finding {
	words, known := cause.Of(err, setting)
	words = strings.TrimPrefix(words, name+": ") // some errors begin with the name of their variable
	return Finding{name, Fault, words, cmp.Or(advice, known)}
}

// question tries one thing, within the limit.
type question func(context.Context) []Finding

// all asks questions side by side, and passes the findings on in the order of the questions.
func all(ctx context.Context, questions []question, tell func(Finding)) {
	answers := make([]chan []Finding, len(questions))
	for i, ask := range questions {
		answers[i] = make(chan []Finding, 1)
		go func() { answers[i] <- ask(ctx) }()
	}
	for _, answer := range answers {
		for _, f := range <-answer {
			tell(f)
		}
	}
}

// checker holds what the questions need.
type checker struct {
	conf     config.Config
	api      *slackapi.API
	accounts *ehpc.Client
	self     func() (*slack.AuthTestResponse, error) // asks Slack once who the bot is
	asked    time.Time                               // when the questions were
}

// Run tries everything, and tells each finding in the order in which things are set up.
func Run(ctx context.Context, conf config.Config, api *slackapi.API, accounts *ehpc.Client, tell func(Finding)) {
	c := &checker{conf: conf, api: api, accounts: accounts, asked: time.Now()}
	c.self = sync.OnceValues(func() (*slack.AuthTestResponse, error) {
		ctx, cancel := limited(ctx)
		defer cancel()
		return api.AuthTestContext(ctx)
	})
	questions := []question{c.appToken, c.botToken, c.sameApp, c.channels, c.approvers, c.fallback, c.administrators, c.messages}
	for i, cluster := range conf.Policy.Clusters {
		questions = append(questions, func(ctx context.Context) []Finding {
			findings := c.cluster(ctx, cluster)
			if i == 0 && findings[0].Status == OK { // the same for all
				findings = append(findings, clock("the EHPC API's", accounts.Now().Truncate(time.Second), c.asked))
			}
			return findings
		})
	}
	all(ctx, append(questions, c.database, c.listen), tell)
}

// limited bounds a question.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cause.Limit)
}

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
	if strings.HasPrefix(self.TeamID, "E") { // then nobody is a person of the bot's workspace
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

// approvers asks about all approvers: those of the variables, and those of each cluster that has its own.
func (c *checker) approvers(ctx context.Context) (findings []Finding) {
	asked := map[string]bool{}
	for _, rules := range c.conf.Policy.Each() {
		which := fmt.Sprint(rules.Approvers, rules.Required)
		if asked[which] {
			continue
		}
		asked[which] = true
		variable, number := "APPROVERS", "APPROVALS_REQUIRED"
		if which != fmt.Sprint(c.conf.Policy.Approvers, c.conf.Policy.Required) {
			variable, number = policyFile, policyFile
		}
		findings = append(findings, c.enough(ctx, rules, variable, number)...)
	}
	return append(findings, c.exempt(ctx)...)
}

// exempt asks about the groups whose members need no approval.
func (c *checker) exempt(ctx context.Context) []Finding {
	var groups []string
	for _, rules := range c.conf.Policy.Each() {
		if rules.Exempt != "" && !slices.Contains(groups, rules.Exempt) {
			groups = append(groups, rules.Exempt)
		}
	}
	_, findings := c.people(ctx, policyFile, groups)
	return findings
}

// enough asks about the approvers of a cluster, and counts the people among them.
func (c *checker) enough(ctx context.Context, rules approval.Rules, variable, number string) []Finding {
	people, findings := c.people(ctx, variable, rules.Approvers)
	known := !slices.ContainsFunc(findings, func(f Finding) bool { return f.Status != OK })
	if n, need := different(people), rules.Required; len(findings) > 0 && known && n < need {
		findings = append(findings, Finding{number, Fault, fmt.Sprintf("%d approvers are needed, and there are %d", need, n),
			"name more people in " + variable + ", or lower the number that is needed"})
	}
	return findings
}

// fallback asks about those who may decide in the second half of the time.
func (c *checker) fallback(ctx context.Context) []Finding {
	_, findings := c.people(ctx, "APPROVERS_FALLBACK", c.conf.Policy.Fallback)
	return findings
}

// administrators asks about all administrators.
func (c *checker) administrators(ctx context.Context) []Finding {
	_, findings := c.people(ctx, "ADMINISTRATORS", c.conf.Policy.Administrators)
	return findings
}

// people asks side by side about all whom a variable lists.
func (c *checker) people(ctx context.Context, variable string, ids []string) (people []approval.Person, findings []Finding) {
	self, err := c.self()
	if err != nil {
		return nil, nil
	}
	found := make([][]approval.Person, len(ids))
	var questions []question
	for i, id := range ids {
		questions = append(questions, func(ctx context.Context) []Finding {
			ctx, cancel := limited(ctx)
			defer cancel()
			var f Finding
			if strings.HasPrefix(id, "S") {
				found[i], f = c.group(ctx, variable+" "+id, id)
			} else {
				found[i], f = c.person(ctx, variable+" "+id, id, self.TeamID)
			}
			return []Finding{f}
		})
	}
	all(ctx, questions, func(f Finding) { findings = append(findings, f) })
	return slices.Concat(found...), findings
}

// different counts people, each once, whichever ids they go by.
func different(people []approval.Person) int {
	var seen []approval.Person
	for _, p := range people {
		if !slices.ContainsFunc(seen, func(s approval.Person) bool { return s.Is(p.ID) || s.Is(p.Also) }) {
			seen = append(seen, p)
		}
	}
	return len(seen)
}

func (c *checker) group(ctx context.Context, name, id string) (people []approval.Person, f Finding) {
	members, err := c.api.GetUserGroupMembersContext(ctx, id)
	switch {
	case err == nil && len(members) == 0:
		return nil, Finding{name, Fault, "the user group has no members", "add members to the group"}
	case err == nil:
		for _, m := range members {
			people = append(people, approval.Person{ID: m, Also: m})
		}
		return people, ok(name, fmt.Sprintf("a user group of %d", len(members)))
	}
	advice := map[string]string{
		"plan_upgrade_required": "user groups need a paid plan: list the people by their user ids (U…)",
		"no_such_subteam":       "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
		"subteam_not_found":     "look at the group's id: in Slack, People & user groups, the group, Copy group ID",
	}[slackapi.Code(err)]
	return nil, fault(name, err, slackURL, advice)
}

func (c *checker) person(ctx context.Context, name, id, team string) (people []approval.Person, f Finding) {
	const advice = "look at the id: in Slack, the person's profile, ⋮, Copy member ID"
	wrong := ""
	user, err := c.api.GetUserInfoContext(ctx, id)
	switch {
	case slackapi.Code(err) == "user_not_found", slackapi.Code(err) == "user_not_visible":
		return nil, fault(name, err, slackURL, advice)
	case err != nil:
		return nil, fault(name, err, slackURL, "")
	case user.Deleted:
		wrong = "the person is deactivated"
	case user.IsBot:
		wrong = "this is a bot"
	case user.IsStranger, user.TeamID != "" && !slackapi.IsOurs(*user, user.TeamID, team):
		wrong = "this is a person of another organisation"
	}
	if wrong != "" {
		return nil, Finding{name, Fault, wrong, advice}
	}
	return []approval.Person{slackapi.Identity(id, *user)}, ok(name, cmp.Or(user.RealName, user.Name))
}

// cluster lists one user, which needs the key, the zone and the cluster to be right, and the nodes, and changes nothing.
func (c *checker) cluster(ctx context.Context, cluster approval.Cluster) []Finding {
	ctx, cancel := limited(ctx)
	defer cancel()
	name := "EHPC_CLUSTERS " + cluster.ID + "@" + cluster.Zone
	page, err := c.accounts.ListUsers(ctx, ehpc.ListUsersRequest{ClusterID: cluster.ID, Zone: cluster.Zone, Limit: 1})
	if err != nil {
		return []Finding{fault(name, err, "EHPC_ENDPOINT", "")}
	}
	// Where the API does not tell, the users that it lists are enough.
	if told, _ := c.accounts.Cluster(ctx, cluster.Zone, cluster.ID); told.Type == ehpc.TypeShared {
		return []Finding{{name, Fault, "it is a shared cluster (of the type hpc), to which no users can be added", "name a cluster of the type ehpc in EHPC_CLUSTERS"}}
	}
	if _, err := c.accounts.LoginAddresses(ctx, cluster.Zone, cluster.ID); err != nil {
		return []Finding{warn(name, fmt.Sprintf("%d users, but its login nodes are not told: %v", page.Total, err),
			"let the API key list the cluster's nodes: who can't log in is helped sooner by whoever sees their addresses")}
	}
	return []Finding{ok(name, fmt.Sprintf("%d users", page.Total))}
}

func (c *checker) database(ctx context.Context) (findings []Finding) {
	ctx, cancel := limited(ctx)
	defer cancel()
	const name = "DATABASE_URL"
	conf := c.conf.Database
	for _, path := range store.Exposed(conf.URL) {
		findings = append(findings, warn(name, path+" can be read or changed by others than its owner",
			"chmod 600 "+path+" (the bot does so at its start, if it is the owner)"))
	}
	db, err := store.Open(ctx, conf.URL)
	switch {
	case errors.Is(err, store.ErrInUse):
		return append(findings, ok(name, "in use by an ehpcbot that is running, so its key is not looked at"))
	case errors.As(err, new(*store.NewerDatabaseError)), errors.Is(err, store.ErrSplit), errors.Is(err, store.ErrEmptied): // says what to do
		return append(findings, Finding{Name: name, Status: Fault, Text: err.Error()})
	case err != nil:
		return append(findings, fault(name, err, name, ""))
	}
	defer db.Close()
	if err := db.Try(ctx); err != nil {
		findings = append(findings, fault(name, err, name, ""))
	} else {
		findings = append(findings, ok(name, "opened, up to date, and can be written: "+db.Place()))
	}
	return append(findings, key(ctx, db, conf.Keys))
}

func key(ctx context.Context, db *store.Database, keys config.Keys) Finding {
	const name = "ENCRYPTION_KEY"
	ring, err := keyring.For(ctx, db, keys.Reveal())
	var damaged []int64
	if err == nil {
		damaged, err = ring.Check(ctx, db)
	}
	switch {
	case errors.As(err, new(*keyring.Error)): // says what to do
		return Finding{Name: name, Status: Fault, Text: strings.TrimPrefix(err.Error(), name+": ")}
	case err != nil:
		return fault(name, err, name, "let the key file be readable for this user, or restore it from a backup")
	}
	if len(damaged) > 0 {
		return warn(name, fmt.Sprintf("the sealed passwords of the requests %v are damaged", damaged), "restore the database from a backup, or let these requests fail")
	}
	return ok(name, "opens all that is sealed")
}

// listen takes the address for a moment. That a bot which runs has it is no fault.
func (c *checker) listen(ctx context.Context) []Finding {
	const name = "HTTP_ADDR"
	addr := c.conf.HTTPAddr
	if addr == "" {
		return []Finding{ok(name, "off")}
	}
	listener, err := status.Listen(addr)
	switch {
	case err == nil:
		_ = listener.Close()
		return []Finding{ok(name, addr+" is free")}
	case errors.Is(err, syscall.EADDRINUSE) && status.Ask(ctx, addr) == nil:
		return []Finding{warn(name, "a bot answers at "+addr+" already", "if it is another one, set another port for this one")}
	}
	return []Finding{fault(name, err, name, "")}
}
