// Package check tries a configuration against the real services, and says what is wrong and how to mend it.
// It changes nothing there, and nobody sees anything of it.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	all(ctx, append(questions, c.machine), tell)
}

// limited bounds a question.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cause.Limit)
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

// machine looks at what the bot has of this machine. Where it runs already, its address is its own. With PostgreSQL nobody can
// tell.
func (c *checker) machine(ctx context.Context) []Finding {
	findings, inUse := c.database(ctx)
	return append(findings, c.listen(ctx, inUse))
}

// database tries the database; inUse tells that a bot on this machine works on it.
func (c *checker) database(ctx context.Context) (findings []Finding, inUse bool) {
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
		return append(findings, ok(name, "in use by an ehpcbot that is running, so its key is not looked at")), true
	case errors.As(err, new(*store.NewerDatabaseError)), errors.Is(err, store.ErrSplit), errors.Is(err, store.ErrEmptied): // says what to do
		return append(findings, Finding{Name: name, Status: Fault, Text: err.Error()}), false
	case err != nil:
		return append(findings, fault(name, err, name, "")), false
	}
	defer db.Close()
	if err := db.Try(ctx); err != nil {
		findings = append(findings, fault(name, err, name, ""))
	} else {
		findings = append(findings, ok(name, "opened, up to date, and can be written: "+db.Place()))
	}
	return append(findings, key(ctx, db, conf.Keys)), false
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
func (c *checker) listen(ctx context.Context, botRuns bool) Finding {
	const name = "HTTP_ADDR"
	addr := c.conf.HTTPAddr
	if addr == "" {
		return ok(name, "off")
	}
	listener, err := status.Listen(addr)
	switch {
	case err == nil:
		_ = listener.Close()
		return ok(name, addr+" is free")
	case errors.Is(err, syscall.EADDRINUSE) && botRuns && status.Ask(ctx, addr) == nil:
		return ok(name, "the bot that is running answers at "+addr)
	case errors.Is(err, syscall.EADDRINUSE) && c.conf.Database.Postgres() && status.Ask(ctx, addr) == nil:
		return warn(name, "a bot answers at "+addr+" already", "if it is another one, set another port for this one")
	}
	return fault(name, err, name, "")
}
