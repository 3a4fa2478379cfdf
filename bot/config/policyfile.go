package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"ehpcbot/approval"
)

// PolicyFile reads the file that POLICY_FILE names, and returns the rules of all clusters by their ids. What the file
// does not set for a cluster is taken from others, the rules that the variables set. Where anything is wrong the error is
// a [Faults], with the line of each fault.
func PolicyFile(path string, clusters []approval.Cluster, others approval.Rules) (map[string]approval.Rules, error) {
	f := newCollector()
	rules := readPolicyFile(f, path, clusters, others)
	if err := f.err(); err != nil {
		return nil, err
	}
	return rules, nil
}

// readPolicyFile is PolicyFile for the one who reads the variables as well. What depends on a variable with a fault is not
// checked: it would be told twice.
func readPolicyFile(f *collector, path string, clusters []approval.Cluster, others approval.Rules) map[string]approval.Rules {
	p := &policyFile{variables: f, shown: f.showFile(path), clusters: clusters, others: others, rules: map[string]approval.Rules{}}
	for _, k := range clusters {
		p.rules[k.ID] = others
	}
	text, err := readText(path)
	if err != nil {
		f.add("POLICY_FILE", "%s: %s", p.shown, cause(err))
		return nil
	}
	p.document(text)
	p.tell()
	return p.rules
}

// policyFile is the file while it is read.
type policyFile struct {
	variables *collector
	shown     string // its path as a fault may show it
	clusters  []approval.Cluster
	others    approval.Rules
	rules     map[string]approval.Rules
	faults    []lineFault
}

type lineFault struct {
	line         int
	wrong, right string
}

func (p *policyFile) add(line int, right, wrong string, args ...any) {
	p.faults = append(p.faults, lineFault{line, fmt.Sprintf(wrong, args...), right})
}

// tell hands the faults over, line by line.
func (p *policyFile) tell() {
	slices.SortStableFunc(p.faults, func(a, b lineFault) int { return cmp.Compare(a.line, b.line) })
	for _, fault := range p.faults {
		p.variables.addRight("POLICY_FILE", fault.right, "%s:%d: %s", p.shown, fault.line, fault.wrong)
	}
}

// showFile returns a path as the beginning of a place, which editors find when it is not in quotes.
func (c *collector) showFile(path string) string {
	switch quoted := strconv.Quote(path); {
	case c.secret(path):
		return "a path (not shown, as it looks like a secret)"
	case quoted != `"`+path+`"`:
		return quoted
	}
	return path
}

// What is right where the whole is wrong rather than a value.
const (
	rightYAML    = "write YAML: a key, a colon, a space and the value, and what belongs below a key two spaces deeper; no tabs"
	rightRoot    = "begin with clusters: and write the id or the name of each cluster below it, two spaces deeper"
	rightCluster = "write the keys of the cluster below it, two spaces deeper, such as approvals: 2"
)

func (p *policyFile) document(text string) {
	loader, err := yaml.NewLoader(strings.NewReader(text))
	if err != nil {
		p.add(1, rightYAML, "%v", err)
		return
	}
	var first, second yaml.Node
	switch err := loader.Load(&first); {
	case errors.Is(err, io.EOF):
		p.add(1, rightRoot, "holds nothing but comments")
		return
	case err != nil:
		p.syntax(text, err)
		return
	}
	switch err := loader.Load(&second); {
	case err == nil:
		p.add(second.Line, "keep all in one, without ---", "a second document begins here")
	case !errors.Is(err, io.EOF):
		p.syntax(text, err)
	}
	p.refuseReferences(&first)
	p.root(first.Content[0])
}

// syntax tells what the library says of a text that is no YAML.
func (p *policyFile) syntax(text string, err error) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		e = &yaml.LoadError{Message: err.Error()}
	}
	line := e.Mark.Line
	if line == 0 { // of a character that may stand nowhere only the offset is known
		line = 1 + strings.Count(text[:min(e.Mark.Index, len(text))], "\n")
	}
	wrong := e.Message
	if e.ContextMark.Line > 0 && e.ContextMark.Line != line {
		wrong += fmt.Sprintf(" %s from line %d on", e.ContextMsg, e.ContextMark.Line)
	}
	if p.variables.secret(wrong) {
		wrong = "is no YAML"
	}
	p.add(line, rightYAML, "%s", wrong)
}

// refuseReferences tells of what makes a value differ from what is written: a file of ten lines needs none of it.
func (p *policyFile) refuseReferences(n *yaml.Node) {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		p.add(n.Line, "write the value itself", "holds an anchor, an alias or a tag (&, * or !)")
	}
	for _, child := range n.Content {
		p.refuseReferences(child)
	}
}

func (p *policyFile) root(n *yaml.Node) {
	if !p.isMap(n, rightRoot, "the file") {
		return
	}
	lines := map[string]int{}
	for key, value := range p.pairs(n) {
		switch {
		case key.Value != "clusters":
			p.unknown(key, []string{"clusters"}, "is not known here", rightRoot)
		case p.once(lines, "clusters", key) && p.isMap(value, rightRoot, "clusters"):
			p.all(value)
		}
	}
	if len(lines) == 0 && len(p.faults) == 0 {
		p.add(n.Line, rightRoot, "has no clusters")
	}
}

// all reads what stands below clusters.
func (p *policyFile) all(n *yaml.Node) {
	lines := map[string]int{}
	for key, value := range p.pairs(n) {
		k, known := approval.Config{Clusters: p.clusters}.Cluster(key.Value)
		known = known && key.Value != "" // which would be the default one
		if !known {
			p.unknownCluster(key)
		} else if !p.once(lines, k.ID, key) {
			continue
		}
		if isNull(value) {
			continue // all of its keys are left out
		}
		if rules := p.cluster(key, value); known {
			p.rules[k.ID] = rules
		}
	}
}

func (p *policyFile) unknownCluster(key *yaml.Node) {
	if !p.variables.good("EHPC_CLUSTERS") {
		return
	}
	if slices.Contains(policyKeyNames(), key.Value) {
		p.add(key.Line, rightCluster, "%s stands where a cluster belongs", key.Value)
		return
	}
	var names []string
	for _, k := range p.clusters {
		names = append(names, callNames(k)...)
	}
	p.unknown(key, names, "is none of EHPC_CLUSTERS", "give the id or the name of one of them")
}

// unknown tells of a key that is not known, and which one may be meant.
func (p *policyFile) unknown(key *yaml.Node, known []string, wrong, right string) {
	best := nearest(key.Value, known)
	if best == "" {
		best = nearest(strings.ToLower(key.Value), known)
	}
	if best != "" {
		right = "is " + best + " meant?"
	}
	p.add(key.Line, right, "%s %s", p.variables.quote(key.Value), wrong)
}

// once tells of what stands there already, be it under another name.
func (p *policyFile) once(lines map[string]int, name string, key *yaml.Node) bool {
	if line, found := lines[name]; found {
		p.add(key.Line, "keep one of the two", "%s stands there twice, first in line %d", p.variables.quote(key.Value), line)
		return false
	}
	lines[name] = key.Line
	return true
}

// pairs goes through the keys of a map that are words.
func (p *policyFile) pairs(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for pair := range slices.Chunk(n.Content, 2) {
			switch key := pair[0]; {
			case key.Kind == yaml.AliasNode:
			case key.Kind != yaml.ScalarNode:
				p.add(key.Line, "write a word in front of the colon", "%s stands where a key belongs", kindText(key))
			case !yield(key, pair[1]):
				return
			}
		}
	}
}

func (p *policyFile) isMap(n *yaml.Node, right, what string) bool {
	if n.Kind != yaml.MappingNode && n.Kind != yaml.AliasNode { // of which is told already
		p.add(n.Line, right, "%s is %s, but keys with values belong there", what, kindText(n))
	}
	return n.Kind == yaml.MappingNode
}

func kindText(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.ScalarNode:
		return "a single value"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	return "keys with values"
}

// isNull reports whether nothing is written, or null. Quotes with nothing inside are something.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }
