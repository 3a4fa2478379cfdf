package approval

import (
	"slices"
	"time"

	"ehpcbot/ehpc"
)

// Rules are what holds for the requests of a cluster. Where POLICY_FILE sets them, a request keeps those of the moment at
// which it was asked for; else those of now hold.
type Rules struct {
	Channel     string        // where its requests are decided: a conversation, as the messenger names it
	Approvers   []string      // ids of people and of groups of people
	Required    int           // different approvers needed, at least 1
	AllowSelf   bool          // approvers may decide on their own requests
	Expiry      time.Duration // how long a request waits for its approval
	Reminder    time.Duration // after how long the approvers are reminded; 0: never
	Sponsored   bool          // who asks names a sponsor, who approves before the approvers decide
	Exempt      string        // a group of people whose requests need no approval; empty: none
	AllowedMods []string      // permissions that may be asked for; none: any three octal digits
	LoginHint   string        // how to log in, with {username} and {cluster} for the two; empty: nothing is shown
}

// Of returns the rules of a cluster as they are now.
func (c Config) Of(clusterID string) Rules {
	if rules, ok := c.ByCluster[clusterID]; ok {
		return rules
	}
	return c.Rules
}

// Each returns the rules of each configured cluster, in their order.
func (c Config) Each() []Rules {
	var all []Rules
	for _, cluster := range c.Clusters {
		all = append(all, c.Of(cluster.ID))
	}
	return all
}

// Channels returns the approval channels, those of all clusters.
func (c Config) Channels() (channels []string) {
	for _, rules := range c.Each() {
		if !slices.Contains(channels, rules.Channel) {
			channels = append(channels, rules.Channel)
		}
	}
	return channels
}

// Mods returns the permissions that may be asked for on one cluster or another; none where they are any on one.
func (c Config) Mods() (mods []string) {
	for _, rules := range c.Each() {
		if len(rules.AllowedMods) == 0 {
			return nil
		}
		for _, mod := range rules.AllowedMods {
			if !slices.Contains(mods, mod) {
				mods = append(mods, mod)
			}
		}
	}
	return mods
}

// Sponsoring tells whether a sponsor is asked for, on one cluster or another, and whether on all.
func (c Config) Sponsoring() (some, all bool) {
	all = true
	for _, rules := range c.Each() {
		some, all = some || rules.Sponsored, all && rules.Sponsored
	}
	return some, some && all
}

// Deciders returns the ids of all who may decide on anything, people and groups, but for sponsors.
func (c Config) Deciders() []string {
	all := slices.Clone(c.Fallback)
	for _, rules := range c.Each() {
		all = append(all, rules.Approvers...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// required is how many approvals a request needs by its rules.
func (s *Service) required(r Request) int {
	if r.Reset && !s.conf.ResetsDecided {
		return 0
	}
	return s.rules(r).Required
}

// rules returns what holds for a request.
func (s *Service) rules(r Request) Rules { return s.conf.Of(r.ClusterID) }

func (rules Rules) checkMod(mod string) *Refusal {
	if mod == "" {
		return nil
	}
	if err := ehpc.ValidateMod(mod); err != nil {
		return &Refusal{Kind: KindMod, Value: mod, Right: rules.AllowedMods, Rule: ruleError(err)}
	}
	if len(rules.AllowedMods) > 0 && !slices.Contains(rules.AllowedMods, mod) {
		return &Refusal{Kind: KindMod, Value: mod, Right: rules.AllowedMods}
	}
	return nil
}
