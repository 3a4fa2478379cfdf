package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/config"
)

// policyClusters are those that the files of these tests are about.
func policyClusters() []approval.Cluster {
	return []approval.Cluster{{ID: "ehpc-a", Zone: "jn1a", Name: "Training"}, {ID: "ehpc-b", Zone: "jn1a"}, {ID: "ehpc-c", Zone: "sd2a", Name: "2024"}}
}

// variableRules are what the variables set in these tests.
func variableRules() approval.Rules {
	return approval.Rules{
		Channel: "C1", Approvers: []string{"U1", "U2"}, Required: 1, Expiry: 72 * time.Hour, Reminder: 24 * time.Hour,
		AllowedMods: []string{"700"}, LoginHint: "ssh {username}@variables",
	}
}

// policies reads a file with that content.
func policies(t *testing.T, content string) map[string]approval.Rules {
	t.Helper()
	rules, err := config.PolicyFile(write(t, content), policyClusters(), variableRules())
	require.NoError(t, err)
	return rules
}

const everyKey = `# The policies.

clusters:
  Training:
    channel: C0123456789
    approvers: [U0123456789, S0123456789]
    approvals: 5
    allow_self: Yes
    expiry: 3d
    reminder: 1d12h
    sponsor: true
    no_approval_for: S9
    allowed_mods:
      - 700
      - '750'
    login_hint: ssh {username}@login.example.org
`

func TestPolicyFile(t *testing.T) {
	t.Parallel()
	require.Equal(t, map[string]approval.Rules{
		"ehpc-a": {
			Channel: "C0123456789", Approvers: []string{"U0123456789", "S0123456789"}, Required: 5, AllowSelf: true,
			Expiry: 72 * time.Hour, Reminder: 36 * time.Hour, Sponsored: true, Exempt: "S9", AllowedMods: []string{"700", "750"},
			LoginHint: "ssh {username}@login.example.org",
		},
		"ehpc-b": variableRules(),
		"ehpc-c": variableRules(),
	}, policies(t, everyKey))
}

func TestPolicyFileWindows(t *testing.T) {
	t.Parallel()
	require.Equal(t, policies(t, everyKey), policies(t, "\ufeff"+strings.ReplaceAll(everyKey, "\n", "\r\n")))
}

// Each is a way to name a cluster, whose approvals alone differ from the variables.
func TestPolicyFileNamesOfClusters(t *testing.T) {
	t.Parallel()
	for name, id := range map[string]string{
		"ehpc-a": "ehpc-a", "Training": "ehpc-a", "training": "ehpc-a", `"Training"`: "ehpc-a", "ehpc-b": "ehpc-b", "2024": "ehpc-c",
	} {
		want := variableRules()
		want.Required = 2
		rules := policies(t, "clusters:\n  "+name+":\n    approvals: 2\n")
		require.Len(t, rules, 3, name)
		require.Equal(t, want, rules[id], name)
	}
}

func TestPolicyFileValues(t *testing.T) {
	t.Parallel()
	for line, set := range map[string]func(*approval.Rules){
		"approvers: U3，S4、U5":              func(r *approval.Rules) { r.Approvers = []string{"U3", "S4", "U5"} },
		"approvers: [U3, 'S4, U5']":        func(r *approval.Rules) { r.Approvers = []string{"U3", "S4", "U5"} },
		"allowed_mods: [000, 010]":         func(r *approval.Rules) { r.AllowedMods = []string{"000", "010"} },
		"allowed_mods: 700, 750":           func(r *approval.Rules) { r.AllowedMods = []string{"700", "750"} },
		"allowed_mods: 755":                func(r *approval.Rules) { r.AllowedMods = []string{"755"} },
		"allowed_mods: []":                 func(r *approval.Rules) { r.AllowedMods = nil },
		"allowed_mods: ''":                 func(r *approval.Rules) { r.AllowedMods = nil },
		"approvals: 02":                    func(r *approval.Rules) { r.Required = 2 },
		"allow_self: 1":                    func(r *approval.Rules) { r.AllowSelf = true },
		"allow_self: no":                   func(*approval.Rules) {},
		"sponsor: TRUE":                    func(r *approval.Rules) { r.Sponsored = true },
		"reminder: 0":                      func(r *approval.Rules) { r.Reminder = 0 },
		"expiry: 24h1s":                    func(r *approval.Rules) { r.Expiry = 24*time.Hour + time.Second },
		"no_approval_for: ''":              func(*approval.Rules) {},
		`login_hint: ""`:                   func(r *approval.Rules) { r.LoginHint = "" },
		"login_hint: |\n      ssh me@here": func(r *approval.Rules) { r.LoginHint = "ssh me@here" },
		"# nothing":                        func(*approval.Rules) {},
	} {
		want := variableRules()
		set(&want)
		require.Equal(t, want, policies(t, "clusters:\n  ehpc-b:\n    "+line+"\n")["ehpc-b"], line)
	}
}

const (
	rightPolicyKeys    = "; the keys of a cluster are channel, approvers, approvals, allow_self, expiry, reminder, sponsor, no_approval_for, allowed_mods, login_hint"
	rightPolicyRoot    = "; begin with clusters: and write the id or the name of each cluster below it, two spaces deeper"
	rightPolicyCluster = "; write the keys of the cluster below it, two spaces deeper, such as approvals: 2"
	rightPolicyName    = "; give the id or the name of one of them"
	rightPolicyYAML    = "; write YAML: a key, a colon, a space and the value, and what belongs below a key two spaces deeper; no tabs"
	rightPolicyPlain   = "; write the value itself"
	rightPolicyMods    = "; list values of three octal digits, such as [700, 750, 755], or give an empty list, [], for any"
	rightPolicyGroup   = "; give the id of a user group, such as S0123456789, or leave it out for none"
	rightPolicyTime    = "; give a time such as 24h that is less than expiry, or 0 for no reminder"
	rightPolicyValue   = "; give it a value, or leave it out"
	reference          = "holds an anchor, an alias or a tag (&, * or !)" + rightPolicyPlain
)

// policyFaults returns what is said about a file with that content, without the words that begin each line.
func policyFaults(t *testing.T, content string) []string {
	t.Helper()
	path := write(t, content)
	rules, err := config.PolicyFile(path, policyClusters(), variableRules())
	require.Nil(t, rules)
	var list config.Faults
	require.ErrorAs(t, err, &list)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, len(list), "one line for each fault")
	for i, line := range lines {
		rest, found := strings.CutPrefix(line, "POLICY_FILE: "+path+":")
		require.True(t, found, line)
		lines[i] = rest
	}
	return lines
}

// caseName keeps what looks like a secret out of the path of the test's file.
func caseName(content string) string { return strings.ReplaceAll(content, "xoxb-", "token ") }

// Each is what stands below a cluster, from the third line on, and all that is said about it.
func TestPolicyFileFaultsOfKeys(t *testing.T) {
	t.Parallel()
	for content, want := range map[string][]string{
		"channel: '#hpc'":                  {`3: channel: "#hpc" is a channel's name` + rightChannel},
		"channel: U1":                      {`3: channel: "U1" is no channel's id` + rightChannel},
		"channel:":                         {"3: channel: has no value" + rightPolicyValue},
		"channel: ''":                      {"3: channel: is empty" + rightChannel},
		"channel: [C1]":                    {"3: channel: is a list" + rightChannel},
		"channel: {C1: C2}":                {"3: channel: is keys with values" + rightChannel},
		"approvers: '@isabel'":             {`3: approvers: "@isabel" is a name` + rightApprovers},
		"approvers: [U1, C1]":              {`3: approvers: "C1" is no id of a person or a user group` + rightApprovers},
		"approvers: [U1, U1]":              {`3: approvers: "U1" stands there twice` + rightApprovers},
		"approvers: []":                    {"3: approvers: is empty" + rightApprovers},
		"approvers: U1,":                   {"3: approvers: item 2 is empty" + rightApprovers},
		"approvers:\n    - U1\n    - ''":   {"5: approvers: item 2 is empty" + rightApprovers},
		"approvers:\n    - U1\n    - [U2]": {"5: approvers: item 2 is a list" + rightApprovers},
		"approvers: {U1: U2}":              {"3: approvers: is keys with values" + rightApprovers},
		"approvals: 0":                     {"3: approvals: 0 is less than 1" + rightRequired},
		"approvals: two":                   {`3: approvals: "two" is not a whole number` + rightRequired},
		"approvals: 0x2":                   {`3: approvals: "0x2" is not a whole number` + rightRequired},
		"approvals: 3":                     {"3: approvals: 3 is more than the people whom APPROVERS lists (2); lower it, or list more approvers"},
		"approvers: U3\napprovals: 2":      {"4: approvals: 2 is more than the people whom approvers lists (1); lower it, or list more approvers"},
		"allow_self: on":                   {`3: allow_self: "on" is neither true nor false; give true or false`},
		"sponsor: maybe":                   {`3: sponsor: "maybe" is neither true nor false; give true or false`},
		"expiry: 72":                       {`3: expiry: "72" has no unit` + rightExpiry},
		"expiry: 366d":                     {"3: expiry: 366d is more than 365d" + rightExpiry},
		"expiry: 0\nreminder: 0":           {"3: expiry: 0 would end each request at once" + rightExpiry},
		"reminder: soon":                   {`3: reminder: "soon" is not a time` + rightPolicyTime},
		"reminder: 3d":                     {"3: reminder: 3d is not less than APPROVAL_EXPIRY, which is 72h" + rightPolicyTime},
		"reminder: 2h\nexpiry: 90m":        {"3: reminder: 2h is not less than expiry, which is 90m" + rightPolicyTime},
		"sponsor: no\nexpiry: 12h":         {"2: reminder, from APPROVAL_REMINDER: 24h is not less than expiry, which is 12h" + rightPolicyTime},
		"no_approval_for: U1":              {`3: no_approval_for: "U1" is no id of a user group` + rightPolicyGroup},
		"no_approval_for: [S1]":            {"3: no_approval_for: is a list" + rightPolicyGroup},
		"allowed_mods: [700, 0750]":        {`3: allowed_mods: "0750" is not three octal digits` + rightPolicyMods},
		"allowed_mods: [0o70, 708]":        {`3: allowed_mods: "0o70" is not three octal digits` + rightPolicyMods, `3: allowed_mods: "708" is not three octal digits` + rightPolicyMods},
		"allowed_mods: ['']":               {"3: allowed_mods: item 1 is empty" + rightPolicyMods},
		"allowed_mods:":                    {"3: allowed_mods: has no value" + rightPolicyValue},
		"allowed_mods: ~":                  {"3: allowed_mods: has no value" + rightPolicyValue},
		`login_hint: "a\nb"`:               {"3: login_hint: holds a line break or another control character" + rightHint},
		"login_hint: xoxb-1-hidden\x7f":    {"3: login_hint: holds a line break or another control character" + rightHint},
		"channel: xoxb-1-hidden":           {"3: channel: " + notShown + " is no channel's id" + rightChannel},
		"xoxb-1-hidden: 1":                 {"3: " + notShown + " is not known here" + rightPolicyKeys},
		"sponsored: true":                  {`3: "sponsored" is not known here; is sponsor meant?`},
		"Allow-Self: true":                 {`3: "Allow-Self" is not known here; is allow_self meant?`},
		"APPROVERS: U1":                    {`3: "APPROVERS" is not known here; is approvers meant?`},
		"colour: red":                      {`3: "colour" is not known here` + rightPolicyKeys},
		"'': red":                          {`3: "" is not known here` + rightPolicyKeys},
		"sponsor: no\n\nsponsor: yes":      {`5: "sponsor" stands there twice, first in line 3; keep one of the two`},
		"[a]: b":                           {"3: a list stands where a key belongs; write a word in front of the colon"},
		"channel: &x C1":                   {"3: " + reference},
		"channel: &x C1\nlogin_hint: *x":   {"3: " + reference, "4: " + reference},
		"sponsor: no\n<<: {approvals: 2}":  {`4: "<<" is not known here` + rightPolicyKeys},
		"approvals: !!int 2":               {"3: " + reference},
		"approvers: &a [*a]":               {"3: " + reference, "3: " + reference},
	} {
		t.Run(caseName(content), func(t *testing.T) {
			t.Parallel()
			indented := "    " + strings.ReplaceAll(content, "\n", "\n    ")
			require.Equal(t, want, policyFaults(t, "clusters:\n  Training:\n"+indented+"\n"))
		})
	}
}

func TestPolicyFileFaultsOfTheWhole(t *testing.T) {
	t.Parallel()
	const single = "is a single value, but keys with values belong there"
	for content, want := range map[string][]string{
		"# nothing\n":      {"1: holds nothing but comments" + rightPolicyRoot},
		"\n\nword\n":       {"3: the file " + single + rightPolicyRoot},
		"---\n":            {"2: the file is nothing, but keys with values belong there" + rightPolicyRoot},
		"- clusters\n":     {"1: the file is a list, but keys with values belong there" + rightPolicyRoot},
		"{}\n":             {"1: has no clusters" + rightPolicyRoot},
		"\ncluster:\n":     {`2: "cluster" is not known here; is clusters meant?`},
		"clusters:\n":      {"1: clusters is nothing, but keys with values belong there" + rightPolicyRoot},
		"clusters: all\n":  {"1: clusters " + single + rightPolicyRoot},
		"clusters: [a]\n":  {"1: clusters is a list, but keys with values belong there" + rightPolicyRoot},
		"clusters: *all\n": {"1: unknown anchor 'all' referenced" + rightPolicyYAML},
		"clusters: {}\nclusters: {}\n": {
			`2: "clusters" stands there twice, first in line 1; keep one of the two`,
		},
		"clusters:\n  Trainin:\n    approvals: 2\n":                {`2: "Trainin" is none of EHPC_CLUSTERS; is Training meant?`},
		"clusters:\n  ehpc-z:\n    approvals: 2\n":                 {`2: "ehpc-z" is none of EHPC_CLUSTERS; is ehpc-a meant?`},
		"clusters:\n  Production:\n    approvals: none\n":          {`2: "Production" is none of EHPC_CLUSTERS` + rightPolicyName, `3: approvals: "none" is not a whole number` + rightRequired},
		"clusters:\n  '':\n    approvals: 2\n":                     {`2: "" is none of EHPC_CLUSTERS` + rightPolicyName},
		"clusters:\n  Training:\n  approvals:\n":                   {"3: approvals stands where a cluster belongs" + rightPolicyCluster},
		"clusters:\n  Training: C1\n":                              {`2: "Training" ` + single + rightPolicyCluster},
		"clusters:\n  Training:\n  ehpc-b:\n  ehpc-a:\n":           {`4: "ehpc-a" stands there twice, first in line 2; keep one of the two`},
		"clusters:\n  ehpc-b:\n    approvals: 2\n  ehpc-b: {}\n":   {`4: "ehpc-b" stands there twice, first in line 2; keep one of the two`},
		"clusters:\n  Training: &t\n    sponsor: no\n  2024: *t\n": {"2: " + reference, "4: " + reference},
		"clusters: {}\n---\nclusters: {}\n":                        {"2: a second document begins here; keep all in one, without ---"},
		"clusters: {}\n...\n}\n":                                   {"3: did not find expected node content" + rightPolicyYAML},
		"clusters:\n\tTraining:\n":                                 {"2: found character that cannot start any token" + rightPolicyYAML},
		"clusters:\n  2024:\n    sponsor: no\n   approvals: 2\n":   {"4: did not find expected key while parsing a block mapping from line 2 on" + rightPolicyYAML},
		"clusters:\n  2024:\n    channel: 'C1\n":                   {"4: found unexpected end of stream while scanning a quoted scalar from line 3 on" + rightPolicyYAML},
		"clusters:\n  2024:\n    channel: C1\x00\n":                {"3: control characters are not allowed (value: 0)" + rightPolicyYAML},
		"clusters: *xoxb-1-hidden\n":                               {"1: is no YAML" + rightPolicyYAML},
	} {
		t.Run(caseName(content), func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, policyFaults(t, content))
		})
	}
}

// All at once, in the order of the file.
func TestPolicyFileFaultsAreToldTogether(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		`2: "version" is not known here` + rightPolicyRoot,
		"4: reminder, from APPROVAL_REMINDER: 24h is not less than expiry, which is 1h" + rightPolicyTime,
		`6: "remindr" is not known here; is reminder meant?`,
		"7: channel: is empty" + rightChannel,
		"9: approvals: 9 is more than the people whom APPROVERS lists (2); lower it, or list more approvers",
		`10: "Traning" is none of EHPC_CLUSTERS; is Training meant?`,
	}, policyFaults(t, "\nversion: 1\nclusters:\n  Training:\n    expiry: 1h\n    remindr: 30m\n    channel: ''\n"+
		"  ehpc-b:\n    approvals: 9\n  Traning:\n"))
}

// Thousands of references to references are no more than that many faults.
func TestPolicyFileOfReferences(t *testing.T) {
	t.Parallel()
	content := "a: &a [x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		content += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ",") + "]\n"
	}
	require.Less(t, len(policyFaults(t, content)), 1000)
	require.NotEmpty(t, policyFaults(t, strings.Repeat("[", 60000)))
	require.NotEmpty(t, policyFaults(t, strings.Repeat("{a: ", 15000)))
}

func TestPolicyFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing, odd := filepath.Join(dir, "missing"), filepath.Join(dir, "a\nb")
	empty, huge, binary := write(t, " \n"), write(t, strings.Repeat("#", 1<<17)), write(t, "clusters: \xff")
	const right = "; let it name a readable file with a policy for each cluster, or leave it unset"
	for path, want := range map[string]string{
		missing:                        missing + ": there is no such file",
		odd:                            strings.ReplaceAll(`"`+odd+`"`, "\n", `\n`) + ": there is no such file",
		dir:                            dir + ": it is not a regular file",
		os.DevNull:                     os.DevNull + ": it is not a regular file",
		empty:                          empty + ": it is empty",
		huge:                           huge + ": it is longer than 64 KiB",
		binary:                         binary + ": it is not UTF-8 text",
		"xoxb-0123-abcdefg":            "a path (not shown, as it looks like a secret): there is no such file",
		filepath.Join(empty, "deeper"): filepath.Join(empty, "deeper") + ": not a directory",
	} {
		rules, err := config.PolicyFile(path, policyClusters(), variableRules())
		require.EqualError(t, err, "POLICY_FILE: "+want+right)
		require.Nil(t, rules)
	}
}

func TestLoadPolicyFile(t *testing.T) {
	t.Parallel()
	path := write(t, "clusters:\n  ehpc-8jqdq0mz:\n    approvals: 1\n")
	require.Equal(t, path, load(t, map[string]string{"POLICY_FILE": path}).PolicyFile)
	require.Equal(t, []string{
		`SPONSOR_REQUIRED: "maybe" is neither true nor false; give true or false`,
	}, faults(t, with(map[string]string{"POLICY_FILE": path, "SPONSOR_REQUIRED": "maybe"})))
}

// Faults of the file stand among those of the variables, in the order of the table.
func TestLoadPolicyFileFaults(t *testing.T) {
	t.Parallel()
	path := write(t, "clusters:\n  ehpc-8jqdq0mz:\n    approvals: 2\n    channel: hpc\n")
	require.Equal(t, []string{
		`APPROVAL_ALLOW_SELF: "maybe" is neither true nor false; give true or false`,
		"POLICY_FILE: " + path + ":3: approvals: 2 is more than the people whom APPROVERS lists (1); lower it, or list more approvers",
		"POLICY_FILE: " + path + `:4: channel: "hpc" is no channel's id` + rightChannel,
		"PASSWORD_LENGTH: 11 is less than 12" + rightLength,
	}, faults(t, with(map[string]string{"POLICY_FILE": path, "APPROVAL_ALLOW_SELF": "maybe", "PASSWORD_LENGTH": "11"})))
}

// What is wrong with a variable is not told again of each cluster that takes its value.
func TestLoadPolicyFileBesideFaultyVariables(t *testing.T) {
	t.Parallel()
	path := write(t, "clusters:\n  Training:\n    approvals: 2\n    expiry: 12h\n")
	require.Equal(t, []string{
		`EHPC_CLUSTERS: in "ehpc-x=Training" there is no @zone` + rightClusters,
		"APPROVERS: is missing" + rightApprovers,
		`APPROVAL_REMINDER: "24" has no unit` + rightReminder,
	}, faults(t, with(map[string]string{
		"POLICY_FILE": path, "EHPC_CLUSTERS": "ehpc-x=Training", "APPROVERS": "unset", "APPROVAL_REMINDER": "24",
	})))
}

// No fault shows a secret of the environment that has come into the file, whatever it looks like.
func TestLoadPolicyFileShowsNoSecret(t *testing.T) {
	t.Parallel()
	path := write(t, "clusters:\n  SECRETACCESSKEY: 1\n  ehpc-8jqdq0mz:\n    channel: SECRETACCESSKEY\n    SECRETACCESSKEY: 1\n")
	lines := faults(t, with(map[string]string{"POLICY_FILE": path}))
	require.Len(t, lines, 4)
	require.NotContains(t, strings.Join(lines, "\n"), "SECRETACCESSKEY")
}

// The example of the README is right, and sets every key.
func TestPolicyFileOfTheReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "### A policy for each cluster\n")
	require.True(t, found)
	_, example, _ := strings.Cut(section, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	want := policies(t, everyKey)["ehpc-a"]
	want.Required, want.AllowSelf, want.Reminder, want.Exempt = 2, false, 24*time.Hour, "S0123456789"
	require.Equal(t, want, policies(t, example)["ehpc-a"])
	for _, key := range regexp.MustCompile(`(?m)^    (\w+):`).FindAllStringSubmatch(everyKey, -1) {
		require.Contains(t, example, "\n    "+key[1]+":")
	}
}

var tokenForm = regexp.MustCompile(`xox[a-z][.-]|xapp-|://[^/\s]*:[^/\s]*@`)

func FuzzPolicyFile(f *testing.F) {
	for _, seed := range []string{
		everyKey, "", "clusters:", "clusters:\n  Training: {approvals: 3, expiry: 0, reminder: 1d}", "clusters: {ehpc-b: {channel: xoxb-1, xapp-: *x}}",
		"clusters: &x [*x]", "clusters:\n\t- a", "a: 'b\n---\n", "? {a: b}\n: [c]\n", "clusters:\n  ehpc-a:\n    approvers: [[U1], ~, U1]\n",
		"clusters: {Training: {login_hint: \"\\uD800\\x00\"}}", "%TAG ! xoxb-:\n--- !x\n", "clusters: !!binary xoxb-1", "<<: {clusters: https://a:b@c}",
	} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "policy.yaml")
	f.Fuzz(func(t *testing.T, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		rules, err := config.PolicyFile(path, policyClusters(), variableRules())
		if err == nil {
			checkPolicies(t, content, rules)
			return
		}
		var list config.Faults
		if !errors.As(err, &list) || len(list) == 0 || rules != nil {
			t.Fatalf("%q: %v, %v", content, rules, err)
		}
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, "POLICY_FILE: "+path+":") || tokenForm.MatchString(line) {
				t.Fatalf("%q: %q", content, line)
			}
		}
	})
}

// checkPolicies checks what holds for the rules of each cluster, whatever the file says.
func checkPolicies(t *testing.T, content string, rules map[string]approval.Rules) {
	t.Helper()
	if len(rules) != len(policyClusters()) {
		t.Fatalf("%q: %+v", content, rules)
	}
	for _, k := range policyClusters() {
		r, found := rules[k.ID]
		groups := strings.Contains(strings.Join(r.Approvers, ""), "S")
		if !found || r.Channel == "" || len(r.Approvers) == 0 || r.Required < 1 || (r.Required > len(r.Approvers) && !groups) ||
			r.Expiry <= 0 || r.Reminder < 0 || r.Reminder >= r.Expiry {
			t.Fatalf("%q: %s has %+v", content, k.ID, r)
		}
	}
}

// A reader of the environment asks for POLICY_FILE as for any variable, not for the file of a secret.
func TestPolicyFileIsNoFileOfASecret(t *testing.T) {
	t.Parallel()
	require.Empty(t, config.Misspelt([]string{"POLICY_FILE=/x"}))
	require.Equal(t, []string{"POLICY_FILES: is not read; is POLICY_FILE meant?"}, config.Misspelt([]string{"POLICY_FILES=/x"}))
	_, err := config.Load(envconfig.MapLookuper(with(map[string]string{"POLICY": "strict"})))
	require.NoError(t, err)
}
