// Package config reads the whole configuration from environment variables and checks it.
//
// [Load] returns either a configuration that every part of the program can rely on, or all that is wrong with
// it at once, as [Faults]: one line each, which names the variable and says what would be right. [Variables]
// is the table of all variables with their defaults, from which documents and tests are checked.
//
// A variable that is set to nothing, or to white space, counts as unset, but for the few whose empty value has
// a meaning of its own. Each secret can come from a file that the variable with _FILE after its name points at.
// No fault shows a secret, not even one that stands in the wrong variable.
//
// Whether the values work, such as a token that Slack knows, can only be told by trying them: that is not done
// here.
package config

import (
	"context"

	"github.com/sethvargo/go-envconfig"

	"ehpcbot/approval"
	"ehpcbot/bot"
	"ehpcbot/ehpc"
)

// Config is everything that can be set.
type Config struct {
	Slack    bot.Config
	EHPC     ehpc.Config
	Policy   approval.Config
	Database Database
	HTTPAddr string // host:port of /healthz, /readyz and /metrics; empty: none of them
	Log      Log

	PolicyFile string // what [PolicyFile] reads; empty: there is none
}

// environment holds the text of each variable. The parts know how to read their own.
type environment struct {
	Slack    slackEnv
	EHPC     ehpcEnv
	Policy   policyEnv
	Database databaseEnv
	Process  processEnv
}

// Load reads the configuration from env, [envconfig.OsLookuper] in a running program. Where anything is wrong
// or missing the error is a [Faults].
func Load(env envconfig.Lookuper) (Config, error) {
	e, f := read[environment](env)
	c := Config{
		Slack:    e.Slack.config(f),
		EHPC:     e.EHPC.config(f),
		Policy:   e.Policy.config(f),
		Database: e.Database.config(f),
		HTTPAddr: e.Process.httpAddr(f),
		Log:      e.Process.log(f),

		PolicyFile: e.Policy.File,
	}
	c.Policy.ByCluster = e.Policy.byCluster(f, c.Policy)
	requireKey(f, e.Database)
	if err := f.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Command reads the name of the slash command alone. The manifest needs it, at a time when nothing else is
// known yet.
func Command(env envconfig.Lookuper) (string, error) {
	e, f := read[struct {
		Command string `env:"SLACK_COMMAND"`
	}](env)
	return checkCommand(f, e.Command), f.err()
}

// HTTPAddr reads the address of /healthz alone, empty where it is off. A health check needs no more of the
// configuration, and should not fail for the rest of it.
func HTTPAddr(env envconfig.Lookuper) (string, error) {
	e, f := read[processEnv](env)
	return e.httpAddr(f), f.err()
}

// DatabaseURL reads the DATABASE_URL alone, for those who only look into the database.
func DatabaseURL(env envconfig.Lookuper) (string, error) {
	e, f := read[struct {
		URL string `env:"DATABASE_URL"`
	}](env)
	if err := checkDatabaseURL(Database{URL: e.URL}); err != nil {
		f.add("DATABASE_URL", "%v", err)
	}
	return e.URL, f.err()
}

// PolicyAndDatabase reads who may have what and who decides, and where that is kept, for those who act on a request from the
// shell.
func PolicyAndDatabase(env envconfig.Lookuper) (approval.Config, Database, error) {
	e, f := read[struct {
		Policy   policyEnv
		Database databaseEnv
	}](env)
	policy := e.Policy.config(f)
	policy.ByCluster = e.Policy.byCluster(f, policy)
	requireKey(f, e.Database)
	return policy, e.Database.config(f), f.err()
}

// DatabaseAndKeys reads what belongs to the database alone, for those who seal its passwords anew or look at its signatures.
// There may be no key.
func DatabaseAndKeys(env envconfig.Lookuper) (Database, error) {
	e, f := read[databaseEnv](env)
	return e.config(f), f.err()
}

// read fills a struct of strings. go-envconfig could do more, but it would stop at the first fault, quote
// values, take an empty value of a required variable, and read 020 as 16.
func read[T any](env envconfig.Lookuper) (e T, f *collector) {
	f = newCollector()
	// Into strings whatever the source says can be read.
	envconfig.MustProcess(context.Background(), &envconfig.Config{Target: &e, Lookuper: &source{env: env, faults: f}})
	return e, f
}
