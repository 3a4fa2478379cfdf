package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/bot/config"
)

// write makes a file and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	direct := map[string]string{"DATABASE_URL": "postgres://bot:hunter2@db/ehpcbot", "ENCRYPTION_KEY": key('k')}
	maps.Copy(direct, required())
	fromFiles := maps.Clone(direct)
	for _, v := range config.Variables() {
		if v.Secret {
			fromFiles[v.Name+"_FILE"] = write(t, "\ufeff"+direct[v.Name]+"\r\n")
			fromFiles[v.Name] = "" // as good as unset
		}
	}
	require.Equal(t, load(t, direct), load(t, fromFiles))
}

func TestOnlySecretsComeFromFiles(t *testing.T) {
	t.Parallel()
	require.Equal(t, "en", string(load(t, map[string]string{"LOCALE_FILE": write(t, "zh")}).Slack.Locale))
}

func TestSecretFileFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	empty, huge, binary := write(t, " \n"), write(t, strings.Repeat("x", 1<<17)), write(t, "xoxb-\xff\xfe")
	const (
		before = "SLACK_BOT_TOKEN: can't be read from the file that SLACK_BOT_TOKEN_FILE names, "
		after  = "; let SLACK_BOT_TOKEN_FILE name a readable file that holds the value alone"
	)
	for name, tt := range map[string]struct{ path, want string }{
		"missing":           {missing, before + `"` + missing + `": there is no such file` + after},
		"empty":             {empty, before + `"` + empty + `": it is empty` + after},
		"directory":         {dir, before + `"` + dir + `": it is not a regular file` + after},
		"device":            {os.DevNull, before + `"` + os.DevNull + `": it is not a regular file` + after},
		"huge":              {huge, before + `"` + huge + `": it is longer than 64 KiB` + after},
		"binary":            {binary, before + `"` + binary + `": it is not UTF-8 text` + after},
		"below a file":      {empty + "/x", before + `"` + empty + `/x": not a directory` + after},
		"the secret":        {"xoxb-0123-abcdefg", before + "a relative path (not shown, as it may be the secret itself): there is no such file" + after},
		"relative":          {"./missing", before + `"./missing": there is no such file` + after},
		"secret with a dot": {"./xoxb-0123-abcdefg", before + notShown + ": there is no such file" + after},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, []string{tt.want}, faults(t, with(map[string]string{"SLACK_BOT_TOKEN": "unset", "SLACK_BOT_TOKEN_FILE": tt.path})))
		})
	}
}

func TestSecretFileThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	path := write(t, "xoxb-0123-abcdefg")
	require.NoError(t, os.Chmod(path, 0))
	lines := faults(t, with(map[string]string{"SLACK_BOT_TOKEN": "unset", "SLACK_BOT_TOKEN_FILE": path}))
	if os.Geteuid() == 0 {
		require.Empty(t, lines, "root reads everything")
		return
	}
	require.Len(t, lines, 1)
	require.Contains(t, lines[0], ": it may not be read by this user;")
}

func TestSecretGivenTwice(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"DATABASE_URL: is set, and DATABASE_URL_FILE is too; keep one of them, and set the other to nothing",
	}, faults(t, with(map[string]string{"DATABASE_URL": "sqlite:a.db", "DATABASE_URL_FILE": write(t, "sqlite:b.db")})))
}

// What a file holds is checked like anything else, and named by the variable that it stands for.
func TestSecretFileWithFault(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"SLACK_BOT_TOKEN: has white space inside" + rightBotToken},
		faults(t, with(map[string]string{"SLACK_BOT_TOKEN": "unset", "SLACK_BOT_TOKEN_FILE": write(t, "xoxb-1-one\nxoxb-1-two\n")})))
}
