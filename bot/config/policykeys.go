package config

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"ehpcbot/approval"
)

// policyKey is what can be set for a cluster.
type policyKey struct {
	name       string
	variable   string // whose value is taken where the key is left out
	right      string // what to do about a fault; empty: what the variable says
	list       bool
	emptyMeans bool // an empty value has a meaning
	read       func(f *collector, name, value string, r *approval.Rules)
}

func policyKeys() []policyKey {
	return []policyKey{{
		name: "channel", variable: "APPROVAL_CHANNEL",
		read: func(f *collector, name, value string, r *approval.Rules) { r.Channel = checkChannel(f, name, value) },
	}, {
		name: "approvers", variable: "APPROVERS", list: true,
		read: func(f *collector, name, value string, r *approval.Rules) { r.Approvers = approvers(f, name, value) },
	}, {
		name: "approvals", variable: "APPROVALS_REQUIRED",
		read: func(f *collector, name, value string, r *approval.Rules) {
			r.Required = f.number(name, value, 1, math.MaxInt32)
		},
	}, {
		name: "allow_self", variable: "APPROVAL_ALLOW_SELF",
		read: func(f *collector, name, value string, r *approval.Rules) { r.AllowSelf = f.boolean(name, value) },
	}, {
		name: "expiry", variable: "APPROVAL_EXPIRY",
		read: func(f *collector, name, value string, r *approval.Rules) { r.Expiry = f.duration(name, value) },
	}, {
		name: "reminder", variable: "APPROVAL_REMINDER",
		right: "give a time such as 24h that is less than expiry, or 0 for no reminder",
		read:  func(f *collector, name, value string, r *approval.Rules) { r.Reminder = f.duration(name, value) },
	}, {
		name: "sponsor", variable: "SPONSOR_REQUIRED",
		read: func(f *collector, name, value string, r *approval.Rules) { r.Sponsored = f.boolean(name, value) },
	}, {
		name: "no_approval_for", emptyMeans: true,
		right: "give the id of a user group, such as S0123456789, or leave it out for none",
		read:  func(f *collector, name, value string, r *approval.Rules) { r.Exempt = checkGroup(f, name, value) },
	}, {
		name: "allowed_mods", variable: "EHPC_ALLOWED_MODS", list: true, emptyMeans: true,
		right: "list values of three octal digits, such as [700, 750, 755], or give an empty list, [], for any",
		read:  func(f *collector, name, value string, r *approval.Rules) { r.AllowedMods = allowedMods(f, name, value) },
	}, {
		name: "login_hint", variable: "LOGIN_HINT", emptyMeans: true,
		read: func(f *collector, name, value string, r *approval.Rules) { r.LoginHint = checkHint(f, name, value) },
	}}
}

var groupForm = regexp.MustCompile(`^S[A-Z0-9]+$`)

func checkGroup(f *collector, name, value string) string {
	if value != "" && !groupForm.MatchString(value) {
		f.add(name, "%s is no id of a user group", f.quote(value))
	}
	return value
}

func policyKeyNames() []string {
	var names []string
	for _, k := range policyKeys() {
		names = append(names, k.name)
	}
	return names
}

// findKey returns the key of that name, or the one that stands for the variable of that name.
func findKey(name string) (policyKey, bool) {
	keys := policyKeys()
	i := slices.IndexFunc(keys, func(k policyKey) bool { return name != "" && (k.name == name || k.variable == name) })
	if i < 0 {
		return policyKey{}, false
	}
	return keys[i], true
}

// clusterPolicy is what stands below a cluster, while it is read. Its collector knows the keys by their names, and
// those that are left out by the names of their variables.
type clusterPolicy struct {
	file   *policyFile
	faults *collector
	line   int
	lines  map[string]int    // of the keys
	texts  map[string]string // their values, as they are written
	rules  approval.Rules
}

func (p *policyFile) cluster(key, n *yaml.Node) approval.Rules {
	if !p.isMap(n, rightCluster, p.variables.quote(key.Value)) {
		return p.others
	}
	c := &clusterPolicy{
		file: p, line: key.Line, lines: map[string]int{}, texts: map[string]string{}, rules: p.others,
		faults: &collector{closed: map[string]bool{}, secrets: p.variables.secrets, right: rightOfKey},
	}
	for key, value := range p.pairs(n) {
		if k, found := findKey(key.Value); !found || k.name != key.Value {
			p.unknown(key, policyKeyNames(), "is not known here", "the keys of a cluster are "+strings.Join(policyKeyNames(), ", "))
		} else if p.once(c.lines, k.name, key) {
			c.read(k, value)
		}
	}
	c.checkTogether()
	c.tell()
	return c.rules
}

func rightOfKey(name string) string {
	k, _ := findKey(name)
	return cmp.Or(k.right, rightOf(k.variable))
}

func (c *clusterPolicy) read(k policyKey, n *yaml.Node) {
	text, ok := c.text(k, n)
	switch {
	case !ok:
		c.faults.closed[k.name] = true // there is nothing to compare it with
	case text == "" && !k.emptyMeans:
		c.faults.add(k.name, "is empty")
	default:
		c.texts[k.name] = text
		k.read(c.faults, k.name, text, &c.rules)
	}
}

// text returns a value as it is written, so that 0750 is neither 488 nor 750; a list as variables have it, with commas.
func (c *clusterPolicy) text(k policyKey, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind == yaml.AliasNode: // of which is told already
		return "", false
	case isNull(n):
		c.faults.addRight(k.name, "give it a value, or leave it out", "has no value")
		return "", false
	case n.Kind == yaml.ScalarNode:
		return strings.TrimSpace(n.Value), true
	case n.Kind == yaml.SequenceNode && k.list:
		return c.items(k, n)
	}
	c.faults.add(k.name, "is %s", kindText(n))
	return "", false
}

func (c *clusterPolicy) items(k policyKey, n *yaml.Node) (string, bool) {
	var items []string
	for i, item := range n.Content {
		switch text := strings.TrimSpace(item.Value); {
		case item.Kind == yaml.AliasNode:
		case item.Kind != yaml.ScalarNode:
			c.file.add(item.Line, rightOfKey(k.name), "%s: item %d is %s", k.name, i+1, kindText(item))
		case text == "":
			c.file.add(item.Line, rightOfKey(k.name), "%s: item %d is empty", k.name, i+1)
		default:
			items = append(items, text)
		}
	}
	return strings.Join(items, ","), len(items) == len(n.Content)
}

// checkTogether checks what depends on several keys, some of which may be left out.
func (c *clusterPolicy) checkTogether() {
	expiry := timing{c.name("expiry"), c.time("expiry", c.rules.Expiry), c.rules.Expiry}
	reminder := timing{c.name("reminder"), c.time("reminder", c.rules.Reminder), c.rules.Reminder}
	checkTimes(c.faults, expiry, reminder)
	checkRequired(c.faults, c.name("approvals"), c.rules.Required, c.name("approvers"), c.rules.Approvers)
}

// name returns the name by which the collector knows a key. A variable that has a fault is left alone.
func (c *clusterPolicy) name(key string) string {
	if _, found := c.lines[key]; found {
		return key
	}
	k, _ := findKey(key)
	if !c.file.variables.good(k.variable) {
		c.faults.closed[k.variable] = true
	}
	return k.variable
}

// time returns a time as it is written, or as it would be.
func (c *clusterPolicy) time(key string, d time.Duration) string {
	if text, found := c.texts[key]; found {
		return text
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// tell hands the faults of the values over. One of a value that is not in the file is told at the line of the cluster.
func (c *clusterPolicy) tell() {
	for _, fault := range c.faults.faults {
		name, line := fault.Variable, c.lines[fault.Variable]
		if line == 0 {
			k, _ := findKey(fault.Variable)
			name, line = k.name+", from "+k.variable, c.line
		}
		c.file.add(line, fault.Right, "%s: %s", name, fault.Wrong)
	}
}
