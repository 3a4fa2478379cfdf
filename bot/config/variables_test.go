package config_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/config"
	"ehpcbot/ehpc"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range config.Variables() {
		require.False(t, seen[v.Name], v.Name)
		seen[v.Name] = true
		require.NotEmpty(t, v.Meaning, v.Name)
		require.False(t, v.Required && v.Default != "", v.Name)
	}
}

func TestVariablesIsACopy(t *testing.T) {
	t.Parallel()
	config.Variables()[0].Name = "CHANGED"
	require.Equal(t, "SLACK_APP_TOKEN", config.Variables()[0].Name)
}

// Every variable of the table is looked up, each secret with its file, and nothing else is.
func TestVariablesAreWhatIsRead(t *testing.T) {
	t.Parallel()
	var want, got []string
	for _, v := range config.Variables() {
		want = append(want, v.Name)
		if v.Secret {
			want = append(want, v.Name+"_FILE")
		}
	}
	_, err := config.Load(envconfig.LookuperFunc(func(name string) (string, bool) {
		got = append(got, name)
		return "", false
	}))
	require.Error(t, err)
	require.ElementsMatch(t, want, got)
}

// A default that could never be asked for would only make the list longer.
func TestReservedCouldBeAskedFor(t *testing.T) {
	t.Parallel()
	names := load(t, nil).Policy.Reserved
	for _, name := range names {
		require.NoError(t, ehpc.ValidateUsername(name), name)
	}
	for _, name := range strings.Split("root,admin,bin,daemon,adm,lp,sync,shutdown,halt,mail,nobody,ftp,sshd,slurm,munge,nfs,ldap,mysql,postgres,www,http,test,guest,user,ehpc,hpc", ",") {
		require.Contains(t, names, name)
	}
}

// exampleLine is a setting of .env.example: the required ones stand open, the others behind a #.
var exampleLine = regexp.MustCompile(`^(#?)([A-Z][A-Z_]*)=(.*)$`)

func TestEnvExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	open, all := map[string]string{}, map[string]string{}
	var names []string
	for i, line := range lines {
		m := exampleLine.FindStringSubmatch(line)
		if m == nil {
			require.Regexp(t, `^(#( .*)?|)$`, line, "neither a setting nor a comment")
			continue
		}
		require.Regexp(t, `^# \S`, lines[i-1], "%s stands there without a comment", m[2])
		names = append(names, m[2])
		all[m[2]] = m[3]
		if m[1] == "" {
			open[m[2]] = m[3]
		}
	}
	var want []string
	for _, v := range config.Variables() {
		want = append(want, v.Name)
		require.Equal(t, v.Default, all[v.Name], v.Name)
		_, isOpen := open[v.Name]
		require.Equal(t, v.Required, isOpen, v.Name)
	}
	require.Equal(t, want, names, "every variable once, in the order of the table")
	require.Equal(t, load(t, nil), load(t, fill(open)))
	require.Equal(t, load(t, nil), load(t, fill(all)))
}

// fill gives the required variables a value in the form that .env.example has them.
func fill(env map[string]string) map[string]string {
	for name, value := range required() {
		env[name] = value
	}
	return env
}

func TestEnvExampleNeedsNothingButTheRequired(t *testing.T) {
	t.Parallel()
	var missing []string
	for _, v := range config.Variables() {
		if v.Required {
			missing = append(missing, v.Name)
		}
	}
	var named []string
	for _, line := range faults(t, map[string]string{}) {
		name, rest, _ := strings.Cut(line, ": ")
		require.True(t, strings.HasPrefix(rest, "is missing; "), line)
		named = append(named, name)
	}
	require.Equal(t, missing, named)
}
