package config

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ehpcbot/approval"
	"ehpcbot/ehpc"
)

// policyEnv is the text of who may ask for what, and who decides.
type policyEnv struct {
	Clusters       string `env:"EHPC_CLUSTERS"`
	AllowedMods    string `env:"EHPC_ALLOWED_MODS"`
	Reserved       string `env:"EHPC_RESERVED_USERNAMES"`
	Reusable       string `env:"EHPC_REUSABLE_USERNAMES"`
	Pattern        string `env:"USERNAME_PATTERN"`
	Approvers      string `env:"APPROVERS"`
	Administrators string `env:"ADMINISTRATORS"`
	Fallback       string `env:"APPROVERS_FALLBACK"`
	Required       string `env:"APPROVALS_REQUIRED"`
	AllowSelf      string `env:"APPROVAL_ALLOW_SELF"`
	ResetsDecided  string `env:"RESET_NEEDS_APPROVAL"`
	Expiry         string `env:"APPROVAL_EXPIRY"`
	Reminder       string `env:"APPROVAL_REMINDER"`
	MaxActive      string `env:"MAX_ACTIVE_REQUESTS"`
	PasswordLength string `env:"PASSWORD_LENGTH"`
	CredentialsTTL string `env:"CREDENTIALS_TTL"`
	Delivery       string `env:"CREDENTIALS_DELIVERY"`
	AccountsAtOnce string `env:"EHPC_ACCOUNTS_AT_ONCE"`
	CallsPerHour   string `env:"EHPC_CALLS_PER_HOUR"`
	Channel        string `env:"APPROVAL_CHANNEL"`
	LoginHint      string `env:"LOGIN_HINT"`
	UseURL         string `env:"POLICY_URL"`
	UseVersion     string `env:"POLICY_VERSION"`
	Sponsored      string `env:"SPONSOR_REQUIRED"`
	File           string `env:"POLICY_FILE"`
}

func (e policyEnv) config(f *collector) approval.Config {
	c := approval.Config{
		Rules: approval.Rules{
			Channel:     checkChannel(f, "APPROVAL_CHANNEL", e.Channel),
			Approvers:   approvers(f, "APPROVERS", e.Approvers),
			Required:    f.number("APPROVALS_REQUIRED", e.Required, 1, math.MaxInt32),
			AllowSelf:   f.boolean("APPROVAL_ALLOW_SELF", e.AllowSelf),
			Expiry:      f.duration("APPROVAL_EXPIRY", e.Expiry),
			Reminder:    f.duration("APPROVAL_REMINDER", e.Reminder),
			Sponsored:   f.boolean("SPONSOR_REQUIRED", e.Sponsored),
			AllowedMods: allowedMods(f, "EHPC_ALLOWED_MODS", e.AllowedMods),
			LoginHint:   checkHint(f, "LOGIN_HINT", e.LoginHint),
		},
		Clusters:       clusters(f, e.Clusters),
		Reserved:       usernames(f, "EHPC_RESERVED_USERNAMES", e.Reserved),
		Reusable:       usernames(f, "EHPC_REUSABLE_USERNAMES", e.Reusable),
		Usernames:      pattern(f, e.Pattern),
		Administrators: people(f, "ADMINISTRATORS", e.Administrators),
		Fallback:       people(f, "APPROVERS_FALLBACK", e.Fallback),
		ResetsDecided:  f.boolean("RESET_NEEDS_APPROVAL", e.ResetsDecided),
		MaxActive:      f.number("MAX_ACTIVE_REQUESTS", e.MaxActive, 1, math.MaxInt32),
		PasswordLength: f.number("PASSWORD_LENGTH", e.PasswordLength, 12, 30),
		CredentialsTTL: f.duration("CREDENTIALS_TTL", e.CredentialsTTL),
		AccountsAtOnce: f.number("EHPC_ACCOUNTS_AT_ONCE", e.AccountsAtOnce, 1, 20),
		ByButton:       f.choice("CREDENTIALS_DELIVERY", e.Delivery, "message", "button") == "button",
		CallsPerHour:   callsPerHour(f, e.CallsPerHour),
		Use:            usePolicy(f, e.UseURL, e.UseVersion),
	}
	checkTimes(f, timing{"APPROVAL_EXPIRY", e.Expiry, c.Expiry}, timing{"APPROVAL_REMINDER", e.Reminder, c.Reminder})
	checkRequired(f, "APPROVALS_REQUIRED", c.Required, "APPROVERS", c.Approvers)
	return c
}

// byCluster reads the POLICY_FILE, where there is one. The variables come first, as what it leaves out is taken from them.
func (e policyEnv) byCluster(f *collector, c approval.Config) *approval.Policies {
	if e.File == "" {
		return nil
	}
	return approval.NewPolicies(readPolicyFile(f, e.File, c.Clusters, c.Rules))
}

func callsPerHour(f *collector, value string) int {
	calls := f.number("EHPC_CALLS_PER_HOUR", value, 0, math.MaxInt32)
	if calls == 1 {
		f.add("EHPC_CALLS_PER_HOUR", "1 is too few, as an account takes a look-up and a call that follows it at once")
	}
	return calls
}

// maxChoices is how many permissions a form can offer: Slack takes 100 options, of which one is the cluster's own.
const maxChoices = 99

func allowedMods(f *collector, name, value string) []string {
	mods := f.list(name, value)
	for _, m := range mods {
		if ehpc.ValidateMod(m) != nil {
			f.add(name, "%s is not three octal digits", f.quote(m))
		}
	}
	if len(mods) > maxChoices {
		f.add(name, "lists %d values, and a form has room for %d", len(mods), maxChoices)
	}
	return mods
}

// Wider than the username rule, so that the accounts of a system can be listed as they are.
var listedForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$`)

func usernames(f *collector, variable, value string) []string {
	names := f.list(variable, value)
	for _, n := range names {
		if !listedForm.MatchString(n) {
			f.add(variable, "%s is no username", f.quote(n))
		}
	}
	return names
}

func pattern(f *collector, value string) *regexp.Regexp {
	if value == "" {
		return nil
	}
	whole, err := regexp.Compile("^(?:" + value + ")$")
	if _, alone := regexp.Compile(value); alone != nil {
		err = alone // which tells of what was written, and not of what stands around it
	}
	if err != nil {
		f.add("USERNAME_PATTERN", "%s is no regular expression: %v", f.quote(value), err)
		return nil
	}
	return whole
}

var idForm = regexp.MustCompile(`^[UWS][A-Z0-9]+$`)

func approvers(f *collector, name, value string) []string {
	if f.missing(name, value) {
		return nil
	}
	return people(f, name, value)
}

// people reads ids of people and user groups.
func people(f *collector, variable, value string) []string {
	ids := f.list(variable, value)
	for _, id := range ids {
		switch {
		case strings.HasPrefix(id, "@"):
			f.add(variable, "%s is a name", f.quote(id))
		case !idForm.MatchString(id):
			f.add(variable, "%s is no id of a person or a user group", f.quote(id))
		}
	}
	return ids
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
	for _, place := range placeholder.FindAllString(value, -1) {
		if place != "{username}" && place != "{cluster}" {
			f.add(name, "has %s, and nothing is filled in but {username} and {cluster}", place)
		}
	}
	return value
}

// placeholder is what looks as if something was to be filled in.
var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func checkRequired(f *collector, name string, required int, listName string, list []string) {
	groups := slices.ContainsFunc(list, func(id string) bool { return strings.HasPrefix(id, "S") })
	if groups || required <= len(list) || !f.good(listName, name) {
		return
	}
	f.addRight(name, "lower it, or list more approvers",
		"%d is more than the people whom %s lists (%d)", required, listName, len(list))
}

// timing is a time, with its name and with how it is written.
type timing struct {
	name, text string
	duration   time.Duration
}

func checkTimes(f *collector, expiry, reminder timing) {
	if f.good(expiry.name) && expiry.duration == 0 {
		f.add(expiry.name, "%s would end each request at once", expiry.text)
	}
	if f.good(expiry.name, reminder.name) && reminder.duration >= expiry.duration {
		f.add(reminder.name, "%s is not less than %s, which is %s", reminder.text, expiry.name, expiry.text)
	}
}
