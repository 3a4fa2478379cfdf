package config

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"ehpcbot/approval"
)

// The longest values that fit into a link and into an option of a form.
const (
	linkMaxLength    = 3000
	versionMaxLength = 40
)

func usePolicy(f *collector, address, version string) approval.UsePolicy {
	switch u, err := url.Parse(address); {
	case address == "" && version != "":
		f.addRight("POLICY_URL", "set it to the address of that policy, or leave POLICY_VERSION unset", "is not set, but POLICY_VERSION is")
	case address == "":
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil:
		f.add("POLICY_URL", "%s is no https address", f.quote(address))
	case utf8.RuneCountInString(address) > linkMaxLength:
		f.add("POLICY_URL", "has %d characters", utf8.RuneCountInString(address))
	case version == "":
		f.add("POLICY_VERSION", "is not set, but POLICY_URL is")
	}
	switch n := utf8.RuneCountInString(version); {
	case n > versionMaxLength:
		f.add("POLICY_VERSION", "has %d characters", n)
	case !utf8.ValidString(version) || strings.ContainsFunc(version, func(r rune) bool { return !unicode.IsPrint(r) }):
		f.add("POLICY_VERSION", "holds a line break or another character that is not seen")
	}
	return approval.UsePolicy{URL: address, Version: version}
}
