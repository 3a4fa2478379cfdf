package config

import (
	"math"
	"regexp"
	"slices"
	"strings"
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
}

func (e policyEnv) config(f *collector) approval.Config {
	c := approval.Config{
		Rules: approval.Rules{
			Channel:     checkChannel(f, e.Channel),
			Approvers:   approvers(f, e.Approvers),
			Required:    f.number("APPROVALS_REQUIRED", e.Required, 1, math.MaxInt32),
			AllowSelf:   f.boolean("APPROVAL_ALLOW_SELF", e.AllowSelf),
			Expiry:      f.duration("APPROVAL_EXPIRY", e.Expiry),
			Reminder:    f.duration("APPROVAL_REMINDER", e.Reminder),
			AllowedMods: allowedMods(f, e.AllowedMods),
			LoginHint:   checkHint(f, e.LoginHint),
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
	checkTimes(f, e, c)
	checkRequired(f, c)
	return c
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

func allowedMods(f *collector, value string) []string {
	mods := f.list("EHPC_ALLOWED_MODS", value)
	for _, m := range mods {
		if ehpc.ValidateMod(m) != nil {
			f.add("EHPC_ALLOWED_MODS", "%s is not three octal digits", f.quote(m))
		}
	}
	if len(mods) > maxChoices {
		f.add("EHPC_ALLOWED_MODS", "lists %d values, and a form has room for %d", len(mods), maxChoices)
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
	if _, err := regexp.Compile(value); err != nil {
		f.add("USERNAME_PATTERN", "%s is no regular expression: %v", f.quote(value), err)
		return nil
	}
	return regexp.MustCompile("^(?:" + value + ")$")
}

var idForm = regexp.MustCompile(`^[UWS][A-Z0-9]+$`)

func approvers(f *collector, value string) []string {
	if f.missing("APPROVERS", value) {
		return nil
	}
	return people(f, "APPROVERS", value)
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

func checkChannel(f *collector, value string) string {
	switch {
	case f.missing("APPROVAL_CHANNEL", value):
	case strings.HasPrefix(value, "#"):
		f.add("APPROVAL_CHANNEL", "%s is a channel's name", f.quote(value))
	case !channelForm.MatchString(value):
		f.add("APPROVAL_CHANNEL", "%s is no channel's id", f.quote(value))
	}
	return value
}

const hintMaxLength = 500

func checkHint(f *collector, value string) string {
	switch n := utf8.RuneCountInString(value); {
	case n > hintMaxLength:
		f.add("LOGIN_HINT", "has %d characters", n)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		f.add("LOGIN_HINT", "holds a line break or another control character")
	}
	return value
}

func checkRequired(f *collector, c approval.Config) {
	groups := slices.ContainsFunc(c.Approvers, func(id string) bool { return strings.HasPrefix(id, "S") })
	if groups || c.Required <= len(c.Approvers) || !f.good("APPROVERS", "APPROVALS_REQUIRED") {
		return
	}
	f.addRight("APPROVALS_REQUIRED", "lower it, or list more approvers",
		"%d is more than the people whom APPROVERS lists (%d)", c.Required, len(c.Approvers))
}

func checkTimes(f *collector, e policyEnv, c approval.Config) {
	if f.good("APPROVAL_EXPIRY") && c.Expiry == 0 {
		f.add("APPROVAL_EXPIRY", "%s would end each request at once", e.Expiry)
	}
	if f.good("APPROVAL_EXPIRY", "APPROVAL_REMINDER") && c.Reminder >= c.Expiry {
		f.add("APPROVAL_REMINDER", "%s is not less than APPROVAL_EXPIRY, which is %s", e.Reminder, e.Expiry)
	}
}
