package config_test

import (
	"strings"
	"testing"

	"github.com/sethvargo/go-envconfig"
	"github.com/stretchr/testify/require"

	"ehpcbot/bot/config"
)

func TestEnvFile(t *testing.T) {
	t.Parallel()
	type values = map[string]string
	env := envconfig.MapLookuper(values{"SET": "by the environment", "EMPTY": ""})
	for name, tt := range map[string]struct {
		content  string
		want     values
		unquoted []string
	}{
		"nothing":         {"", values{}, nil},
		"as they are":     {"A=x?y=1&z=2\nB=ssh {u}@h $HOME `date` # \\n\n", values{"A": "x?y=1&z=2", "B": "ssh {u}@h $HOME `date` # \\n"}, nil},
		"comments":        {"# A=1\n\n  # B=2\n  C=3\n#\n", values{"C": "3"}, nil},
		"to nothing":      {"A=\nB=''\n", values{"A": "", "B": ""}, []string{"B"}},
		"spaces":          {"A= x \t\n", values{"A": " x \t"}, nil},
		"Windows":         {"\ufeffA=1\r\n\r\n# c\r\nB='2'\r\n", values{"A": "1", "B": "2"}, []string{"B"}},
		"no line break":   {"A=1", values{"A": "1"}, nil},
		"quotes":          {`A="x y" ` + "\n" + `B='"'`, values{"A": "x y", "B": `"`}, []string{"A", "B"}},
		"other quotes":    {`A="x" "y"` + "\n" + `B="` + "\n" + `C=it's` + "\n" + `D='x"`, values{"A": `"x" "y"`, "B": `"`, "C": "it's", "D": `'x"`}, nil},
		"twice":           {"A=1\nA=2\n", values{"A": "2"}, nil},
		"the environment": {"SET=1\nSET\nEMPTY='2'\nEMPTY\n", values{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, unquoted, err := config.EnvFile(write(t, tt.content), env)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Equal(t, tt.unquoted, unquoted)
		})
	}
}

// Each line that can't be read is named, and none is shown.
func TestEnvFileFaults(t *testing.T) {
	t.Parallel()
	const (
		noPair   = "it is not NAME=VALUE; leave out export, and spaces in front of the ="
		noEquals = "it has no =, and the environment has no variable of that name; write NAME=VALUE"
		noText   = "it is not UTF-8 text"
	)
	path := write(t, "A=1\n=xoxb-1\nexport B=xoxb-2\nC = xoxb-3\nxoxb-4\n\nxoxb-5 6\nD=\xff\nE=\x00\nF=1\n")
	_, _, err := config.EnvFile(path, envconfig.MapLookuper(nil))
	var want []string
	for _, fault := range []string{"2: " + noPair, "3: " + noPair, "4: " + noPair, "5: " + noEquals, "7: " + noPair, "8: " + noText, "9: " + noText} {
		want = append(want, path+", line "+fault)
	}
	require.EqualError(t, err, strings.Join(want, "\n"))

	path = write(t, "\xff\xfeA\x00=\x001\x00\n\x00B\x00=\x002\x00")
	_, _, err = config.EnvFile(path, envconfig.MapLookuper(nil))
	require.EqualError(t, err, path+": it is UTF-16, as PowerShell writes; save it as UTF-8")
	_, _, err = config.EnvFile(t.TempDir()+"/.env", envconfig.MapLookuper(nil))
	require.ErrorContains(t, err, "no such file")
}
