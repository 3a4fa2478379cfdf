// Package report holds the commands on the database: requests and audit look into it, rekey seals its passwords anew,
// and approve, deny, retry, cancel and abandon act on a request where Slack is down. Those need the policy as well as the
// database, and none of them needs a token. They work while the bot runs, but for rekey and those that act on SQLite. They
// speak English, as all of the command line does.
package report

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/cause"
	"ehpcbot/bot/config"
)

// Commands returns the commands. They write to out and read env and now only.
func Commands(out io.Writer, env envconfig.Lookuper, now func() time.Time) []*cobra.Command {
	d := desk{out: out, env: env, now: now}
	all := []*cobra.Command{d.requestsCommand(), d.auditCommand(), d.rekeyCommand()}
	for _, do := range deeds {
		all = append(all, d.shellCommand(do))
	}
	return all
}

// desk is what the commands have in common.
type desk struct {
	out io.Writer
	env envconfig.Lookuper
	now func() time.Time
}

// reading opens the database for f, and writes what f has printed.
func (d desk) reading(ctx context.Context, f func(*store.Reader, io.Writer) error) error {
	url, err := config.DatabaseURL(d.env)
	if err != nil {
		return err
	}
	r, err := store.OpenReader(ctx, url)
	if err != nil {
		return unopened(err)
	}
	defer r.Close()
	w := bufio.NewWriter(d.out)
	// What was found before an error is worth being shown. That it can't be written is an error of its own: an
	// export to a full disk must not look whole.
	return errors.Join(f(r, w), w.Flush())
}

// sqliteCantOpen is SQLite's code for a file that it can neither open nor make, of which it tells no more.
const sqliteCantOpen = 14

func unopened(err error) error {
	var coded interface{ Code() int }
	if errors.As(err, &coded) && coded.Code()&0xff == sqliteCantOpen {
		return fmt.Errorf("DATABASE_URL: %w; this user must be able to read the file, and to write in its folder where the bot was killed: "+
			"run this as the bot's user, or on a copy of the file and its -wal", err)
	}
	return fmt.Errorf("DATABASE_URL: %w", cause.Advice(err, "DATABASE_URL"))
}

func (d desk) requestsCommand() *cobra.Command {
	o := listOptions{limit: "50"}
	cmd := &cobra.Command{
		Use:   "requests [NUMBER]",
		Short: "List requests, or show one with its history",
		Long: "requests lists the requests in the database, newest first; with a number it shows one request with its\n" +
			"decisions, messages and history. It only reads, also while the bot runs, and needs no setting but DATABASE_URL.\n\n" +
			"A state is one of " + stateNames() + ",\nor active for the first four.\n" +
			"Ages are times such as 90m, 12h or 3d.",
		Example: "  ehpcbot requests --state failed --newer-than 7d\n" +
			"  ehpcbot requests --state active --older-than 12h\n" +
			"  ehpcbot requests --person U0123456789 --json\n" +
			"  ehpcbot requests 12",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("requests takes one number, or none for the list, and there is %q", args[1])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return d.showRequest(cmd, args[0], o.json)
			}
			filter, err := o.filter(d.now())
			if err != nil {
				return err
			}
			return d.reading(cmd.Context(), func(r *store.Reader, w io.Writer) error {
				if o.json {
					return listAsJSON(w, r.Requests(cmd.Context(), filter))
				}
				return listAsTable(w, r.Requests(cmd.Context(), filter), d.now(), filter.Limit)
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.states, "state", nil, "only requests in this `state`; several, comma separated")
	f.StringVar(&o.person, "person", "", "only requests of the person with this Slack `id`")
	f.StringVar(&o.cluster, "cluster", "", "only requests for the cluster with this `id`")
	f.StringVar(&o.olderThan, "older-than", "", "only requests that were asked for longer than this `time` ago")
	f.StringVar(&o.newerThan, "newer-than", "", "only requests that were asked for within this `time`")
	f.Var(&o.limit, "limit", "list this `many` at most; 0 means all")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (d desk) showRequest(cmd *cobra.Command, number string, asJSON bool) error {
	for _, name := range []string{"state", "person", "cluster", "older-than", "newer-than", "limit"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s chooses from the list: leave it out, or leave out the number", name)
		}
	}
	id, err := requestNumber(number)
	if err != nil {
		return err
	}
	return d.reading(cmd.Context(), func(r *store.Reader, w io.Writer) error {
		story, events, err := r.History(cmd.Context(), id)
		switch {
		case approval.Refused(err) != nil:
			return fmt.Errorf("there is no request %d; ehpcbot requests lists them", id)
		case err != nil:
			return err
		}
		var found damage
		for _, e := range events {
			found.note(e)
		}
		if asJSON {
			return errors.Join(writeJSON(w, historyOf(story, events), "", "  "), found.err())
		}
		return errors.Join(showHistory(w, story, events, d.now()), found.err())
	})
}

func (d desk) auditCommand() *cobra.Command {
	var o auditOptions
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Print the audit log, or export it",
		Long: "audit prints who did what and when, oldest first: everything that changed a request, and what was refused:\n" +
			"a request that a rule speaks against, a decision, a look at the request of somebody else, and whatever came from\n" +
			"a person who is not let in, or was forged. Slips of the pen are in no event: a command that can't be understood,\n" +
			"a form that is sent back because a field breaks a rule, and a request that its requester asks for again.\n\n" +
			"Of what one person is refused again and again for the same reason, an hour has two events: the first one, and\n" +
			"when the hour is over one that tells how many more there were, as (41 more since 2026-11-23T15:04:05Z), of\n" +
			"whatever requests. Each replica counts for itself, and when it stops it writes what it has counted.\n\n" +
			"The event of a request tells what was asked for, as username=isabel cluster=ehpc-x mod=700 approvals=1\n" +
			"reason=\"thesis project\"; approvals is how many are needed. One of the action change tells the same of what an\n" +
			"approver has made of it.\n\n" +
			"audit only reads, also while the bot runs, and needs no setting but DATABASE_URL.\n\n" +
			"A moment is a time ago (90m, 12h, 3d), a date (2026-11-23) or a time of UTC (2026-11-23T15:04). --until with a\n" +
			"date means the end of that day.\n\n" +
			"csv is for spreadsheets: control characters are escaped, and a ' stands before what a spreadsheet would take\n" +
			"for a formula; Excel needs --excel to show Chinese. jsonl has one JSON object a line, as it is stored.",
		Example: "  ehpcbot audit --request 12\n" +
			"  ehpcbot audit --action refused --since 7d\n" +
			"  ehpcbot audit --since 2026-11-01 --until 2026-11-30 --format csv > november.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			filter, err := o.filter(d.now())
			if err != nil {
				return err
			}
			write, err := o.writer()
			if err != nil {
				return err
			}
			return d.reading(cmd.Context(), func(r *store.Reader, w io.Writer) error {
				var d damage
				return errors.Join(write(w, d.watch(r.Events(cmd.Context(), filter))), d.err())
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.request, "request", "", "only events of the request with this `number`")
	f.StringVar(&o.person, "person", "", "only what the person with this Slack `id` did; "+approval.System+" for what the bot did by itself,\nshell:NAME for what was done from the shell")
	f.StringVar(&o.action, "action", "", "only events with this `action`, such as ask, approve, deny, deliver or refused")
	f.StringVar(&o.since, "since", "", "only events from this `moment` on")
	f.StringVar(&o.until, "until", "", "only events before this `moment`")
	f.StringVar(&o.format, "format", "table", "`table`, csv or jsonl")
	f.BoolVar(&o.excel, "excel", false, "begin csv with the mark by which Excel knows UTF-8")
	cmd.AddCommand(d.verifyCommand())
	return cmd
}

func (d desk) verifyCommand() *cobra.Command {
	var noted string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Find audit events that were changed, removed or moved",
		Long: "verify walks the whole audit log, in which each event holds the hash of the one before, and names the first that\n" +
			"was changed, removed or moved. It compares the end of the log with its head, which the database keeps beside\n" +
			"it; each request with the event that tells what was asked for, or how an approver changed that last, unless a version\n" +
			"of the bot wrote it that did not tell it yet; the state of each request with its last event; and each decision\n" +
			"with its event. Of each comparison it shows the first 20 findings. It exits with 1 if anything is wrong. A million\n" +
			"events take some five seconds; on a terminal a line tells how far it is.\n\n" +
			"Each event is signed with a key of ENCRYPTION_KEY, or of the file beside a SQLite database, and verify looks at\n" +
			"that where it is given the key: who can write to the database alone can't forge an event. Who has the key too\n" +
			"could write the whole log anew. Against that, note the mark that verify prints somewhere else, and give it to a\n" +
			"later run.",
		Example: "  ehpcbot audit verify\n" +
			"  ehpcbot audit verify --mark 214:5f0c…",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var mark *audit.Mark
			if cmd.Flags().Changed("mark") {
				m, err := audit.ParseMark(noted)
				if err != nil {
					return fmt.Errorf("--mark: %w; give one that ehpcbot audit verify printed", err)
				}
				mark = &m
			}
			conf, err := config.DatabaseAndKeys(d.env)
			if err != nil {
				return err
			}
			return d.reading(cmd.Context(), func(r *store.Reader, w io.Writer) error {
				keys, err := keyring.Given(r.KeyFile(), conf.Keys.Reveal())
				if err != nil {
					return cause.Advice(err, "ENCRYPTION_KEY")
				}
				defer showProgress(r, cmd.ErrOrStderr())()
				return verify(cmd.Context(), w, r, keys, mark)
			})
		},
	}
	cmd.Flags().StringVar(&noted, "mark", "", "compare the log with this `mark`, noted from an earlier run")
	return cmd
}

// showProgress tells on a terminal how far the verification is, in a line that the returned function takes away.
func showProgress(r *store.Reader, w io.Writer) (end func()) {
	f, isFile := w.(*os.File)
	if !isFile {
		return func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func() {}
	}
	r.Progress = func(read, of int64) { fmt.Fprintf(f, "\r%d of %d events", read, of) }
	return func() { fmt.Fprint(f, "\r\x1b[K") }
}

var errNotWhole = errors.New("the audit log is not what the bot wrote: see above")

func verify(ctx context.Context, w io.Writer, r *store.Reader, keys *keyring.Keyring, mark *audit.Mark) error {
	v, err := r.Verify(ctx, keys, mark)
	if err != nil {
		return err
	}
	if len(v.Findings) == 0 {
		fmt.Fprintf(w, "%s, whole.\n", count(int(v.Events), "event"))
		if v.Events == 0 {
			return nil
		}
		if mark != nil {
			fmt.Fprintf(w, "The events up to %d are those that were noted.\n", mark.Seq)
		}
		fmt.Fprintf(w, "Mark: %s\n", v.Last)
		switch {
		case keys == nil:
			fmt.Fprintln(w, "Without ENCRYPTION_KEY it was not looked whether ehpcbot has signed them.")
		case v.Signed < v.Events:
			fmt.Fprintf(w, "Signed: %d. Those before are of an older version, or were signed with a key that is not given any more.\n", v.Signed)
		}
		return nil
	}
	for _, f := range v.Findings {
		fmt.Fprintln(w, printable(f))
	}
	if v.Whole == v.Events {
		fmt.Fprintf(w, "The chain of %s is whole.\n", count(int(v.Events), "event"))
	} else {
		fmt.Fprintf(w, "%s, of which the first %d are whole.\n", count(int(v.Events), "event"), v.Whole)
	}
	return errNotWhole
}

func (d desk) rekeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rekey",
		Short: "Seal all sealed passwords anew with the first key of ENCRYPTION_KEY",
		Long: "rekey seals all passwords that wait for their delivery with the first key of ENCRYPTION_KEY, so that the other\n" +
			"keys can be removed. It needs no settings but DATABASE_URL and ENCRYPTION_KEY.\n\n" +
			"  1. Set ENCRYPTION_KEY=NEW,OLD and start the bot again, every replica of it. The key in the file beside a SQLite\n" +
			"     database needs no place in the list: it opens what it sealed as long as the file is there.\n" +
			"  2. Run rekey. On SQLite, stop the bot for it; on PostgreSQL the replicas may run.\n" +
			"  3. Set ENCRYPTION_KEY=NEW, remove the file with a key if there is one, and start the bot again.",
		Example: "  ENCRYPTION_KEY=NEW,OLD ehpcbot rekey",
		RunE:    func(cmd *cobra.Command, _ []string) error { return d.rekey(cmd.Context()) },
	}
}

func (d desk) rekey(ctx context.Context) (err error) {
	conf, err := config.DatabaseAndKeys(d.env)
	if err != nil {
		return err
	}
	if len(conf.Keys) == 0 {
		return errors.New("ENCRYPTION_KEY: is missing, so there is no new key to seal with; make a key with: openssl rand -base64 32")
	}
	db, err := store.OpenExisting(ctx, conf.URL)
	if errors.Is(err, store.ErrInUse) {
		return errors.New("the bot runs on this database; stop it, run rekey, and start it again")
	}
	if err != nil {
		return unopened(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, err := keyring.For(ctx, db, conf.Keys.Reveal())
	if err != nil {
		return err
	}
	done, err := keys.Rekey(ctx, db)
	if err != nil {
		if done.Resealed > 0 {
			fmt.Fprintf(d.out, "%s sealed anew before the error.\n", count(done.Resealed, "password"))
		}
		return err
	}
	for _, id := range done.Damaged {
		fmt.Fprintf(d.out, "The password of request %d is damaged, and stays as it is: the request fails when it is its turn.\n", id)
	}
	_, err = fmt.Fprintf(d.out, "%s sealed anew, %d right already.\n"+
		"The first key of ENCRYPTION_KEY opens all that is sealed: all other keys can be removed%s.\n"+
		"Keep them with the backups that were made before: their passwords need them.\n",
		count(done.Resealed, "password"), done.Right, orFile(db))
	return err
}

// orFile names the file with a key that is needed no more.
func orFile(db *store.Database) string {
	path := db.KeyFile()
	if _, err := os.Stat(path); path == "" || err != nil {
		return ""
	}
	return ", and the file " + path + " too"
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func stateNames() string {
	names := ""
	for i, s := range approval.States() {
		if i > 0 {
			names += ", "
		}
		names += string(s)
	}
	return names
}

// activeStates are those that --state active stands for.
func activeStates() []approval.State {
	return slices.DeleteFunc(approval.States(), func(s approval.State) bool { return !s.Active() })
}
