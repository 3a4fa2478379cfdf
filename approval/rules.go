package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
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

// Policies are the rules of each cluster, by its id, as POLICY_FILE has them. They may be replaced while the program runs.
type Policies struct {
	current atomic.Pointer[map[string]Rules]
}

// NewPolicies returns policies that begin as these.
func NewPolicies(byCluster map[string]Rules) *Policies {
	p := &Policies{}
	p.Replace(byCluster)
	return p
}

// Replace lets others hold from now on.
func (p *Policies) Replace(byCluster map[string]Rules) { p.current.Store(&byCluster) }

// Of returns the rules of a cluster as they are now.
func (c Config) Of(clusterID string) Rules {
	if c.ByCluster != nil {
		if rules, ok := (*c.ByCluster.current.Load())[clusterID]; ok {
			return rules
		}
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

// Sponsoring tells whether a sponsor is asked for, on one cluster or another, and whether of everybody on all.
func (c Config) Sponsoring() (some, all bool) {
	all = true
	for _, rules := range c.Each() {
		some, all = some || rules.Sponsored, all && rules.Sponsored && rules.Exempt == ""
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

// Deciders returns the ids of all who may decide on something: by the rules of now, and by those that what waits keeps.
func (s *Service) Deciders(ctx context.Context) []string {
	all := s.conf.Deciders()
	if s.conf.ByCluster == nil {
		return all
	}
	pending, err := s.pending(ctx)
	if err != nil {
		s.log.Warn("it is not known who decides by the rules that requests keep", "error", err)
	}
	for _, r := range pending {
		all = append(all, s.rules(r).Approvers...)
	}
	return all
}

// required is how many approvals a request needs by its rules.
func (s *Service) required(r Request) int {
	if r.Exempt != "" || r.Reset && !s.conf.ResetsDecided {
		return 0
	}
	return s.rules(r).Required
}

// rules returns what holds for a request: what it keeps, or what holds now.
func (s *Service) rules(r Request) Rules {
	if r.Kept == "" {
		return s.conf.Of(r.ClusterID)
	}
	var kept Rules
	if err := json.Unmarshal([]byte(r.Kept), &kept); err != nil {
		s.log.Error("the rules that a request keeps can't be read: those of now hold", "request", r.ID, "error", err)
		return s.conf.Of(r.ClusterID)
	}
	return kept
}

// keep returns the rules that a request keeps; empty where those of now hold for it at any time.
func (c Config) keep(clusterID string) string {
	if c.ByCluster == nil {
		return ""
	}
	kept, _ := json.Marshal(c.Of(clusterID)) // of words, numbers and lists of words: there is no error
	return string(kept)
}

// areFormer tells whether the rules that a request keeps are others than those that hold now.
func (s *Service) areFormer(r Request) bool {
	return r.Kept != "" && r.Kept != s.conf.keep(r.ClusterID)
}

// digestOf names the rules that a request keeps, in the audit log.
func digestOf(kept string) string {
	if kept == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(kept))
	return hex.EncodeToString(sum[:8])
}

// vouched leaves out of a request what lets others decide about it, or nobody, unless the bot has signed that it was asked
// for so; and the sponsor is whom the bot has signed. Nobody can write that into the database without a key.
func vouched(r Request, events []Event) Request {
	for _, e := range events {
		if sponsor, told := toldSponsor(e); told {
			r.Sponsor = sponsor
		}
	}
	for _, w := range []struct {
		word
		value *string
	}{{word{"rules", digestOf(r.Kept)}, &r.Kept}, {word{"exempt", r.Exempt}, &r.Exempt}} {
		if !slices.ContainsFunc(events, func(e Event) bool { return tells(e, w.word) }) {
			*w.value = ""
		}
	}
	return r
}

// tells whether an event tells a word of what was asked for.
func tells(e Event, w word) bool { return slices.Contains(toldWords(e), w.String()) }

// toldSponsor returns the sponsor whom an event tells.
func toldSponsor(e Event) (id string, told bool) {
	for _, w := range toldWords(e) {
		if id, told = strings.CutPrefix(w, "sponsor="); told {
			return id, true
		}
	}
	return "", false
}

// toldWords returns the words of an event that tells what was asked for. What people may word as they like comes last in it,
// and is left out.
func toldWords(e Event) []string {
	if e.Action != "ask" && e.Action != "sign" {
		return nil
	}
	words, _, _ := strings.Cut(e.Detail, " reason=")
	return strings.Fields(words)
}

// isExempt tells whether what somebody asks for needs no approval. Where it is not known now, it does.
func (s *Service) isExempt(ctx context.Context, who Person, group string) bool {
	if group == "" {
		return false
	}
	is, unknown := s.belongs(ctx, []string{group}, who, 0)
	if unknown != nil {
		s.log.Warn("it is not known whether a request needs an approval, so it does", "group", group, "error", unknown)
	}
	return is
}

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
