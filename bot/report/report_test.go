package report_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"flag"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/report"
	"ehpcbot/ehpc/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files")

const (
	isabel = "U0ISABEL"
	nina   = "U0NINA"
	anna   = "U0ANNA"
	otto   = "U0OTTO"
)

type nobody struct{}

func (nobody) Identify(_ context.Context, id string) approval.Person {
	return approval.Person{ID: id, Also: id}
}
func (nobody) Requester(context.Context, string, time.Duration) error { return nil }
func (nobody) Approver(context.Context, string, time.Duration) error  { return nil }

func (nobody) Members(context.Context, string, time.Duration) ([]string, error) { return nil, nil }

// play makes a database with a few requests, from midnight of 2000-01-01 on, in a time of its own: so all that
// is printed is the same each time.
func play(t *testing.T) (env map[string]string) {
	t.Helper()
	env = map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "ehpcbot.db")}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		db, err := store.Open(ctx, env["DATABASE_URL"])
		require.NoError(t, err)
		defer func() { require.NoError(t, db.Close()) }()
		keys, err := keyring.New(bytes.Repeat([]byte{1}, keyring.Size))
		require.NoError(t, err)
		db.SignWith(keys)
		service := approval.NewService(approval.Config{
			Rules:     approval.Rules{Approvers: []string{anna, otto}, Required: 2, Expiry: 72 * time.Hour},
			Clusters:  []approval.Cluster{{ID: "ehpc-8jqdq0mz", Zone: "jn1a", Name: "Training"}, {ID: "ehpc-x", Zone: "jn1a"}},
			MaxActive: 10,
		}, db, keys, nobody{}, slog.New(slog.DiscardHandler), time.Now)
		target := func(id int64) approval.Target {
			story, err := service.Story(ctx, id)
			require.NoError(t, err)
			return story.Target()
		}
		must := func(_ approval.Story, err error) {
			t.Helper()
			require.NoError(t, err)
		}
		must(service.Ask(ctx, approval.Ask{Requester: isabel, Username: "isabel", Mod: "700", Reason: "thesis \x1b]0;owned\x07\u202e\n=1+1"}))
		require.NoError(t, service.Sent(ctx, 1, approval.Message{Purpose: approval.PurposeApproval, Place: "C0APPROVALS", Ref: "1700000000.000100", Version: 1}))
		time.Sleep(time.Hour)
		must(service.Ask(ctx, approval.Ask{Requester: nina, Username: "nina", Cluster: "ehpc-x"}))
		time.Sleep(time.Minute)
		must(service.Approve(ctx, target(1), anna))
		_, err = service.Approve(ctx, target(1), nina)
		require.NotNil(t, approval.Refused(err))
		time.Sleep(time.Minute)
		must(service.Deny(ctx, target(2), otto, "=HYPERLINK(\"http://x\";\"no\")\r\nreally \x1b[2J"))
		time.Sleep(24 * time.Hour)
		must(service.Ask(ctx, approval.Ask{Requester: isabel, Username: "carl"}))
		must(service.Approve(ctx, target(3), anna))
		must(service.Approve(ctx, target(3), otto))
	})
	return env
}

// now is the day after what was played.
func now() time.Time { return time.Date(2000, 1, 3, 2, 0, 0, 0, time.UTC) }

// run runs a command line, and returns what it prints.
func run(t *testing.T, env map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := &cobra.Command{Use: "ehpcbot", SilenceErrors: true, SilenceUsage: true}
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	root.AddCommand(report.Commands(&out, envconfig.MapLookuper(env), now)...)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestPrinted(t *testing.T) {
	t.Parallel()
	env := play(t)
	for _, c := range []struct{ args, golden string }{
		{"requests", "requests.txt"},
		{"requests --json", "requests.json"},
		{"requests 1", "request.txt"},
		{"requests 2", "denied.txt"},
		{"requests 1 --json", "request.json"},
		{"audit", "audit.txt"},
		{"audit --format csv", "audit.csv"},
		{"audit --format jsonl", "audit.jsonl"},
		{"audit verify", "verify.txt"},
		{"requests --help", "requests-help.txt"},
		{"audit --help", "audit-help.txt"},
		{"audit verify --help", "verify-help.txt"},
		{"rekey --help", "rekey-help.txt"},
		{"abandon --help", "abandon-help.txt"},
		{"approve --help", "approve-help.txt"},
	} {
		t.Run(c.golden, func(t *testing.T) {
			t.Parallel()
			got, err := run(t, env, strings.Fields(c.args)...)
			require.NoError(t, err)
			require.NotRegexp(t, "[\x00-\x09\x0b-\x1f\x7f\u202e]", strings.ReplaceAll(got, "\r\n", "\n"), "a character that a terminal obeys")
			path := filepath.Join("testdata", c.golden)
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run the test with -update")
			require.Equal(t, string(want), got)
		})
	}
}

// TestExports reads the exports back, as programs would.
func TestExports(t *testing.T) {
	t.Parallel()
	env := play(t)
	text, err := run(t, env, "audit", "--format", "csv")
	require.NoError(t, err)
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 9)
	excel, err := run(t, env, "audit", "--format", "csv", "--excel")
	require.NoError(t, err)
	require.Equal(t, "\ufeff"+text, excel)
	require.Equal(t, `'=HYPERLINK("http://x";"no")\r\nreally \x1b[2J`, rows[5][7])

	text, err = run(t, env, "audit", "--format", "jsonl")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Len(t, lines, 8)
	var e approval.Event
	require.NoError(t, json.Unmarshal([]byte(lines[4]), &e))
	require.Equal(t, "=HYPERLINK(\"http://x\";\"no\")\r\nreally \x1b[2J", e.Detail, "as it was typed")
	require.Len(t, e.Hash, 64)

	text, err = run(t, env, "requests", "--json", "--limit", "0")
	require.NoError(t, err)
	var requests []struct {
		ID     int
		Reason string
	}
	require.NoError(t, json.Unmarshal([]byte(text), &requests))
	require.Len(t, requests, 3)
	require.Equal(t, "thesis \x1b]0;owned\x07\u202e\n=1+1", requests[2].Reason)
	text, err = run(t, env, "requests", "--json", "--state", "failed")
	require.NoError(t, err)
	require.Equal(t, "[]\n", text)
}

func TestFilters(t *testing.T) {
	t.Parallel()
	env := play(t)
	for args, want := range map[string]string{
		"requests":                                      "3 2 1",
		"requests --limit 2":                            "3 2",
		"requests --limit 0":                            "3 2 1",
		"requests --state denied":                       "2",
		"requests --state Denied,approved":              "3 2",
		"requests --state active":                       "3 1",
		"requests --person U0ISABEL":                    "3 1",
		"requests --cluster ehpc-x":                     "2",
		"requests --older-than 2d":                      "2 1",
		"requests --newer-than 48h":                     "3",
		"requests --older-than 1d --newer-than 2d1h30m": "3 2",
		"requests --state failed":                       "",
		"audit --request 1":                             "1 3 4",
		"audit --person U0OTTO":                         "5 8",
		"audit --person ehpcbot":                        "",
		"audit --action refused":                        "4",
		"audit --since 2000-01-02":                      "6 7 8",
		"audit --until 2000-01-01":                      "1 2 3 4 5",
		"audit --since 2000-01-01T01:01 --until 2000-01-01T01:02:00Z": "3 4",
		"audit --since 25h --action ask":                              "6",
	} {
		text, err := run(t, env, strings.Fields(args)...)
		require.NoError(t, err, args)
		var ids []string
		for _, line := range strings.Split(text, "\n") {
			if fields := strings.Fields(line); len(fields) > 3 && strings.Trim(fields[0], "0123456789") == "" {
				ids = append(ids, fields[0])
			}
		}
		require.Equal(t, want, strings.Join(ids, " "), args)
	}
	text, err := run(t, env, "requests", "--limit", "2")
	require.NoError(t, err)
	require.Contains(t, text, "These are the newest 2; --limit 0 lists all.")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	env := play(t)
	for args, want := range map[string]string{
		"requests --state dead":                    `--state: "dead" is no state; give one of pending, approved, provisioning, provisioned, delivered, denied, expired, cancelled, failed, or active for the first four`,
		"requests --person isabel":                 `--person: "isabel" is no Slack id of a person; give one such as U0123456789 (in the person's profile: ⋮, Copy member ID)`,
		"requests --older-than 3":                  `--older-than: "3" is no time; give one such as 90m, 12h or 3d`,
		"requests --newer-than -3h":                `--newer-than: "-3h" is no time; give one such as 90m, 12h or 3d`,
		"requests --limit -1":                      `--limit: -1 is less than 0; give a whole number, or 0 for all`,
		"requests --limit abc":                     `--limit: "abc" is no whole number; give one such as 50, or 0 for all`,
		"requests --cluster Training":              `--cluster: "Training" is no id of a cluster; give one such as ehpc-8jqdq0mz (in EHPC_CLUSTERS, before the @)`,
		"requests --older-than 3d --newer-than 2d": `--older-than 3d and --newer-than 2d: no request can be both; the first has to be the shorter time`,
		"requests twelve":                          `"twelve" is no number of a request; give one such as 12`,
		"requests 0":                               `"0" is no number of a request; give one such as 12`,
		"requests 99999999999999999999":            `"99999999999999999999" is no number of a request; give one such as 12`,
		"requests 12":                              `there is no request 12; ehpcbot requests lists them`,
		"requests 1 --state denied":                `--state chooses from the list: leave it out, or leave out the number`,
		"audit --request x":                        `--request: "x" is no number of a request; give one such as 12`,
		"audit --person ottO":                      `--person: "ottO" is no Slack id of a person; give one such as U0123456789 (in the person's profile: ⋮, Copy member ID)`,
		"audit --action foo": `--action: "foo" is no action; give one of ask, remind, pass_on, ask_back, answer, change, sponsor, approve, deny, cancel, expire, refused, reopen, provision, add_user, wait, resume, ` +
			`attempt, provisioned, double_uid, fail, abandon, retry, shell, erase, deliver, show, clear, replace, scrub, works, trouble, rekey, sign`,
		"audit --since soon":          `--since: "soon" is no moment; give a time ago such as 3d, a date such as 2026-11-23, or 2026-11-23T15:04 for a time of UTC`,
		"audit --since 1d --until 2d": `--since 1d is not before --until 2d`,
		"audit --format xml":          `--format: "xml" is not known; give table, csv or jsonl`,
		"audit --excel":               `--excel is for --format csv`,
		"requests 1 2":                `requests takes one number, or none for the list, and there is "2"`,
		"approve --as Anna":           `approve takes the number of one request, such as: ehpcbot approve 12`,
		"audit verify --mark=":        `--mark: "" is no mark: a number, a colon and 64 hexadecimal digits; give one that ehpcbot audit verify printed`,
		"audit verify --mark 7":       `--mark: "7" is no mark: a number, a colon and 64 hexadecimal digits; give one that ehpcbot audit verify printed`,
		"rekey":                       `ENCRYPTION_KEY: is missing, so there is no new key to seal with; make a key with: openssl rand -base64 32`,
	} {
		text, err := run(t, env, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Empty(t, text, args)
	}
}

// TestNothingButTheDatabaseIsNeeded reads DATABASE_URL from its variable or its file.
func TestNothingButTheDatabaseIsNeeded(t *testing.T) {
	t.Parallel()
	env := play(t)
	file := filepath.Join(t.TempDir(), "url")
	require.NoError(t, os.WriteFile(file, []byte(env["DATABASE_URL"]+"\n"), 0o600))
	text, err := run(t, map[string]string{"DATABASE_URL_FILE": file}, "requests")
	require.NoError(t, err)
	require.Contains(t, text, "U0ISABEL")
	for _, args := range [][]string{{"requests"}, {"requests", "1"}, {"audit"}, {"audit", "verify"}} {
		missing := filepath.Join(t.TempDir(), "no.db")
		_, err = run(t, map[string]string{"DATABASE_URL": "sqlite:" + missing}, args...)
		require.EqualError(t, err, "DATABASE_URL: there is no file "+missing+": ehpcbot has not been started on it yet; look at DATABASE_URL, or start the bot once")
		_, err = run(t, map[string]string{"DATABASE_URL": "mysql://x"}, args...)
		require.EqualError(t, err, "DATABASE_URL: begins neither with sqlite: nor with postgres://; give sqlite:PATH, such as sqlite:ehpcbot.db, or postgres://user:password@host:5432/database")
	}
}

// TestCannotOpen has SQLite meet a write-ahead log that it can't open, as in a folder that is read-only.
func TestCannotOpen(t *testing.T) {
	t.Parallel()
	env := play(t)
	require.NoError(t, os.Mkdir(strings.TrimPrefix(env["DATABASE_URL"], "sqlite:")+"-wal", 0o700))
	_, err := run(t, env, "requests")
	require.EqualError(t, err, "DATABASE_URL: open the database: unable to open database file (14); this user must be able to read the file, "+
		"and to write in its folder where the bot was killed: run this as the bot's user, or on a copy of the file and its -wal")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestFullDisk holds that an export that could not be written does not end as if it had been.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	env := play(t)
	for _, args := range []string{"audit", "audit --format csv", "audit --format jsonl", "requests", "requests --json", "requests 1", "audit verify"} {
		root := &cobra.Command{Use: "ehpcbot", SilenceErrors: true, SilenceUsage: true}
		root.SetArgs(strings.Fields(args))
		root.AddCommand(report.Commands(full{}, envconfig.MapLookuper(env), now)...)
		require.ErrorIs(t, root.ExecuteContext(t.Context()), io.ErrShortWrite, args)
	}
}

// owner changes a database as its owner could.
func owner(t *testing.T, env map[string]string, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(env["DATABASE_URL"], "sqlite:"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

func TestVerifyTells(t *testing.T) {
	t.Parallel()
	env := play(t)
	text, err := run(t, env, "audit", "verify")
	require.NoError(t, err)
	mark := strings.TrimPrefix(strings.Split(text, "\n")[1], "Mark: ")
	text, err = run(t, env, "audit", "verify", "--mark", mark)
	require.NoError(t, err)
	require.Contains(t, text, "\nThe events up to "+strings.Split(mark, ":")[0]+" are those that were noted.\n")

	_, err = run(t, env, "audit", "verify", "--mark", "9"+mark[1:])
	require.EqualError(t, err, "the audit log is not what the bot wrote: see above")
	owner(t, env, `UPDATE request SET state = 'denied' WHERE id = 1`)
	text, err = run(t, env, "audit", "verify")
	require.EqualError(t, err, "the audit log is not what the bot wrote: see above")
	require.Equal(t, "request 1 is denied, but the log says pending: the request was changed, or the end of its log\n"+
		"The chain of 8 events is whole.\n", text)
	owner(t, env, `DROP TRIGGER event_no_update; UPDATE event SET actor = 'U0NOBODY' WHERE seq = 5`)
	text, err = run(t, env, "audit", "verify")
	require.Error(t, err)
	require.Equal(t, "event 5 was changed\n"+
		"request 1 is denied, but the log says pending: the request was changed, or the end of its log\n"+
		"the decision of U0NOBODY on request 2, of which event 5 tells, is gone\n"+
		"the decision of U0OTTO on request 2 is in no event: it was added by somebody else, or its event was changed or removed\n"+
		"8 events, of which the first 4 are whole.\n", text)
}

// TestDamaged lists events of which a column holds what can't be read, and names the first.
func TestDamaged(t *testing.T) {
	t.Parallel()
	env := play(t)
	owner(t, env, `DROP TRIGGER event_no_update; UPDATE event SET at = 'abc' WHERE seq = 3; UPDATE event SET at = 1e18 WHERE seq = 4;
		UPDATE event SET request_id = 'x', actor = CAST(actor AS BLOB) WHERE seq = 5`)
	const named = "event 3 can't be read as the bot wrote it, nor can 2 more: ehpcbot audit verify tells what was changed"
	for args, lines := range map[string]int{"audit": 9, "audit --format csv": 9, "audit --format jsonl": 8} {
		text, err := run(t, env, strings.Fields(args)...)
		require.EqualError(t, err, named, args)
		require.Equal(t, lines, strings.Count(text, "\n"), "%s: %s", args, text)
		require.Contains(t, text, "carl", "%s: what can be read", args)
	}
	const one = "event 3 can't be read as the bot wrote it, nor can 1 more: ehpcbot audit verify tells what was changed"
	for _, args := range []string{"requests 1", "requests 1 --json"} {
		text, err := run(t, env, strings.Fields(args)...)
		require.EqualError(t, err, one, args)
		require.Contains(t, text, "requester=U0ISABEL", args)
	}
	text, err := run(t, env, "audit", "verify")
	require.EqualError(t, err, "the audit log is not what the bot wrote: see above")
	require.Equal(t, "event 3 was changed\n"+
		"request 2 is denied, but the log says pending: the request was changed, or the end of its log\n"+
		"the decision of U0OTTO on request 2 is in no event: it was added by somebody else, or its event was changed or removed\n"+
		"8 events, of which the first 2 are whole.\n", text)
}

// third is what the password of request 3 is sealed for.
var third = approval.Bound{Request: 3, Cluster: "ehpc-8jqdq0mz", Username: "carl", Requester: isabel}

func TestRekey(t *testing.T) {
	t.Parallel()
	env := play(t)
	path := strings.TrimPrefix(env["DATABASE_URL"], "sqlite:")
	old, key := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	keys, err := keyring.New(old)
	require.NoError(t, err)
	owner(t, env, `UPDATE request SET state = 'failed', failure = 'job', sealed = ? WHERE id = 3`, keys.Seal(third, secret.New("Correct-Horse-1")))

	env["ENCRYPTION_KEY"] = base64.StdEncoding.EncodeToString(key)
	text, err := run(t, env, "rekey")
	require.EqualError(t, err, "ENCRYPTION_KEY: 1 of 1 sealed passwords can't be opened (open the sealed password of request 3: it was sealed with a key that "+
		"ENCRYPTION_KEY does not hold); add the key that was used before behind the present one, as in NEW,OLD, or restore "+path+".key")
	require.Empty(t, text)

	// The key of the file beside the database opens what it sealed.
	require.NoError(t, os.WriteFile(path+".key", []byte(base64.StdEncoding.EncodeToString(old)), 0o600))
	text, err = run(t, env, "rekey")
	require.NoError(t, err)
	require.Equal(t, "1 password sealed anew, 0 right already.\n"+
		"The first key of ENCRYPTION_KEY opens all that is sealed: all other keys can be removed, and the file "+path+".key too.\n"+
		"Keep them with the backups that were made before: their passwords need them.\n", text)
	require.NoError(t, os.Remove(path+".key"))
	text, err = run(t, env, "rekey")
	require.NoError(t, err)
	require.Equal(t, "0 passwords sealed anew, 1 right already.\n"+
		"The first key of ENCRYPTION_KEY opens all that is sealed: all other keys can be removed.\n"+
		"Keep them with the backups that were made before: their passwords need them.\n", text)
	for _, args := range []string{"requests 3", "requests 3 --json", "requests --json"} {
		text, err = run(t, env, strings.Fields(args)...)
		require.NoError(t, err)
		require.NotContains(t, strings.ToLower(strings.ReplaceAll(text, "the password is sealed with the first key", "")), "seal", args)
	}

	missing := filepath.Join(t.TempDir(), "no.db")
	_, err = run(t, map[string]string{"DATABASE_URL": "sqlite:" + missing, "ENCRYPTION_KEY": env["ENCRYPTION_KEY"]}, "rekey")
	require.ErrorIs(t, err, store.ErrNoDatabase)
	require.NoFileExists(t, missing)
	require.NoFileExists(t, missing+".lock")

	db, err := store.Open(t.Context(), env["DATABASE_URL"])
	require.NoError(t, err)
	defer db.Close()
	_, err = run(t, env, "rekey")
	require.EqualError(t, err, "the bot runs on this database; stop it, run rekey, and start it again")
}

// A request that does not get on is ended from the shell, and no other; the audit log says who did it.
func TestAbandon(t *testing.T) {
	t.Parallel()
	env := play(t)
	keys, err := keyring.New(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, err)
	owner(t, env, `UPDATE request SET state = 'provisioned', sealed = ? WHERE id = 3`, keys.Seal(third, secret.New("Correct-Horse-1")))
	_, err = run(t, env, "abandon", "3")
	require.ErrorContains(t, err, "APPROVERS: is missing")
	require.NotContains(t, err.Error(), "SLACK_BOT_TOKEN", "nothing is asked of Slack")
	for name, value := range map[string]string{
		"APPROVAL_CHANNEL": "C0APPROVALS", "APPROVERS": anna,
		"EHPC_CLUSTERS": "ehpc-x@jn1a", "ENCRYPTION_KEY": base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)),
	} {
		env[name] = value
	}
	text, err := run(t, env, "abandon", "3")
	require.NoError(t, err)
	require.Contains(t, text, "Request 3 is ended.")
	text, err = run(t, env, "requests", "3")
	require.NoError(t, err)
	require.Contains(t, text, "Request 3: failed")
	require.Regexp(t, `shell:\S+ +shell +provisioned +action=abandon user=`, text)
	_, err = run(t, env, "abandon", "3")
	require.EqualError(t, err, "request 3 is failed: only one that is approved and not at its end can be abandoned")
	_, err = run(t, env, "abandon", "99")
	require.EqualError(t, err, "there is no request 99; ehpcbot requests lists them")
	_, err = run(t, env, "abandon", "three")
	require.ErrorContains(t, err, "three")
	db, err := store.Open(t.Context(), env["DATABASE_URL"])
	require.NoError(t, err)
	defer db.Close()
	_, err = run(t, env, "abandon", "3")
	require.EqualError(t, err, "the bot runs on this database: stop it, run ehpcbot abandon, and start it again; or do it in Slack")
}
