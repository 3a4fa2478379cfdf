package approval

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"ehpcbot/ehpc"
)

// Cluster is an EHPC cluster on which accounts can be asked for.
type Cluster struct {
	ID   string // such as ehpc-8jqdq0mz
	Zone string // such as jn1a
	Name string // what people call it; may be empty
}

// Label is what people see: the name, or the id where there is none.
func (c Cluster) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

// Config holds the policy. Package config reads it from the environment and checks it.
type Config struct {
	Rules                         // of clusters that have none of their own
	ByCluster      *Policies      // of POLICY_FILE; nil where there is no such file
	Clusters       []Cluster      // at least one; the first is the default
	Reserved       []string       // usernames that are never made, whatever their case
	Reusable       []string       // usernames that may be given to somebody else than their former owner
	Usernames      *regexp.Regexp // that usernames must match as a whole, beside the API's rule; nil: any
	Administrators []string       // ids of people and of groups of people, of those who are shown how the bot is; they may decide nothing
	Fallback       []string       // likewise: those who may decide as well on what waits for half of its time
	ResetsDecided  bool           // a new password needs as many approvals as an account; else none
	MaxActive      int            // active requests of one requester
	PasswordLength int            // 12–30
	CredentialsTTL time.Duration  // 0: the credentials stay
	ByButton       bool           // the credentials are shown at a press, and stand in no message
	AccountsAtOnce int            // jobs of the API that may run on one cluster at the same time; 0 is 1
	CallsPerHour   int            // of the API, by all processes on the database; 0: no limit but the API's
	Use            UsePolicy      // that who asks has to accept; the zero value: none
}

// UsePolicy is what people accept before they ask. Another version is accepted anew.
type UsePolicy struct {
	URL     string // where it is to be read
	Version string // empty: there is none
}

// ReasonMaxLength is the longest reason, in characters.
const ReasonMaxLength = 500

// Cluster returns the configured cluster of that id or name; the default one for "".
func (c Config) Cluster(idOrName string) (Cluster, bool) {
	if idOrName == "" {
		return c.Clusters[0], true
	}
	i := slices.IndexFunc(c.Clusters, func(k Cluster) bool { return k.ID == idOrName })
	if i < 0 {
		i = slices.IndexFunc(c.Clusters, func(k Cluster) bool { return k.Name != "" && strings.EqualFold(k.Name, idOrName) })
	}
	if i < 0 {
		return Cluster{}, false
	}
	return c.Clusters[i], true
}

// Ask is what a person asks for.
type Ask struct {
	Envelope  string // identifies the message that asked, so that a repetition of it asks nothing twice
	Requester string // id of the person
	Cluster   string // id or name; empty: the default
	Username  string
	Mod       string // empty: as the cluster has it
	Reason    string
	Until     string // the last day on which the account is needed, as 2027-03-31; empty: for good
	Policy    string // version of the use policy that is accepted with it; empty: none
	Sponsor   string // id of the person who is to approve first; empty: none
	Reset     bool   // for a new password of the account

	exempt string // group for whose sake no approval is needed
	kept   string // the rules that were looked at, as the request keeps them
}

// Check applies every rule that holds for a request as long as its account is not made, and that needs no database. It
// returns all refusals at once, so that a form can show each at its field. The order is that of the fields of Ask. An
// account that is there may have any name.
func (c Config) Check(a Ask) []*Refusal {
	cluster, _ := c.Cluster(a.Cluster)
	return c.check(a, c.Of(cluster.ID))
}

// check is Check by the rules of a request.
func (c Config) check(a Ask, rules Rules) []*Refusal {
	var refusals []*Refusal
	if _, ok := c.Cluster(a.Cluster); !ok {
		refusals = append(refusals, &Refusal{Kind: KindCluster, Value: a.Cluster, Right: c.clusterIDs()})
	}
	if a.Reset {
		return refusals
	}
	if r := c.checkUsername(a.Username); r != nil {
		refusals = append(refusals, r)
	}
	if r := rules.checkMod(a.Mod); r != nil {
		refusals = append(refusals, r)
	}
	if n := len([]rune(a.Reason)); n > ReasonMaxLength {
		refusals = append(refusals, &Refusal{Kind: KindReasonTooLong, Limit: ReasonMaxLength})
	}
	return refusals
}

func (c Config) checkUsername(name string) *Refusal {
	if err := ehpc.ValidateUsername(name); err != nil {
		return &Refusal{Kind: KindUsername, Value: name, Rule: ruleError(err)}
	}
	switch {
	case strings.Trim(name, "0123456789") == "": // many a program takes it for a uid
		return &Refusal{Kind: KindDigits, Value: name}
	case c.Usernames != nil && !c.Usernames.MatchString(name):
		return &Refusal{Kind: KindPattern, Value: name}
	case isListed(c.Reserved, name):
		return &Refusal{Kind: KindReserved, Value: name}
	}
	return nil
}

// isListed tells whether a name is on a list. The cluster's directory does not tell upper from lower case.
func isListed(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func (c Config) clusterIDs() []string {
	ids := make([]string, len(c.Clusters))
	for i, k := range c.Clusters {
		ids[i] = k.ID
	}
	return ids
}

func ruleError(err error) *ehpc.RuleError {
	r, _ := errors.AsType[*ehpc.RuleError](err)
	return r
}
