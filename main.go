// Command ehpcbot is a Slack bot through which people ask for a user account on a QingCloud EHPC cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/approval/work"
	"ehpcbot/bot"
	"ehpcbot/bot/cause"
	"ehpcbot/bot/check"
	"ehpcbot/bot/config"
	"ehpcbot/bot/demo"
	"ehpcbot/bot/licenses"
	"ehpcbot/bot/manifest"
	"ehpcbot/bot/report"
	"ehpcbot/bot/sandbox"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/status"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
	"ehpcbot/ehpc/secret"
)

// version is set by the build of a release (-ldflags "-X main.version=…").
var version = ""

func main() {
	if err := secret.NoCoreDumps(); err != nil {
		fmt.Fprintln(os.Stderr, "ehpcbot: core dumps can't be switched off:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	out, env := &watchedWriter{w: os.Stdout}, envconfig.OsLookuper()
	cmd, err := rootCommand(out, os.Stderr, env, os.Environ).ExecuteContextC(ctx)
	stop()
	if out.err != nil && !errors.Is(err, out.err) {
		err = fmt.Errorf("write the output: %w", out.err)
	}
	if err != nil {
		if !errors.Is(err, errReported) {
			tell(os.Stderr, cmd, env, slog.LevelError, describe(err))
		}
		os.Exit(1)
	}
}

// watchedWriter keeps the first error of writing, so that what a full disk or a closed pipe has cut off does not
// end as a success.
type watchedWriter struct {
	w   io.Writer
	err error
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// tell writes what there is to tell of a command. Where it runs the bot, whose log is JSON, each line is an entry of that
// log, so that whatever collects the log understands it.
func tell(w io.Writer, cmd *cobra.Command, env envconfig.Lookuper, level slog.Level, text string) {
	runsBot := cmd.Name() == "serve" || !cmd.HasParent()
	format, _ := env.Lookup("LOG_FORMAT")
	if !runsBot || !strings.EqualFold(strings.TrimSpace(format), "json") {
		fmt.Fprintln(w, text)
		return
	}
	log := newLogger(w, config.Log{Format: "json"})
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			log.Log(cmd.Context(), level, line)
		}
	}
}

// describe puts the program's name in front of an error, and leaves a list of faults the lines it is.
func describe(err error) string {
	var faults config.Faults
	if errors.As(err, &faults) {
		return "ehpcbot can't start with this configuration:\n" + err.Error()
	}
	return "ehpcbot: " + strings.TrimSpace(err.Error())
}

// errReported ends a command that has said already what is wrong.
var errReported = errors.New("reported")

// rootCommand is the whole command line. It writes to out and errOut only, and reads env only; environ lists what
// is set, also what env is never asked for.
func rootCommand(out, errOut io.Writer, env envconfig.Lookuper, environ func() []string) *cobra.Command {
	var whileStdin bool
	serving := func(cmd *cobra.Command, _ []string) error {
		// The end of the terminal, or of what reads the log, is no reason to stop.
		signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
		ctx, stop := context.WithCancel(cmd.Context())
		defer stop()
		if whileStdin {
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				stop()
			}()
		}
		return serve(ctx, env, errOut, environ())
	}
	printVersion := func(*cobra.Command, []string) { fmt.Fprintln(out, versionLine()) }
	var wantsVersion bool
	var envFile string
	root := &cobra.Command{
		Use:   "ehpcbot",
		Short: "A Slack bot through which people ask for accounts on EHPC clusters",
		Long: "ehpcbot takes requests for user accounts on QingCloud EHPC clusters in Slack, lets approvers decide,\n" +
			"makes the accounts, and hands the credentials over in a direct message.\n\n" +
			"It is configured by environment variables; .env.example and README.md list them all. With --env-file they\n" +
			"come from a file of NAME=VALUE lines, which is read as docker run --env-file reads it. What is set in the\n" +
			"environment as well is taken from there.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("env-file") {
				return nil
			}
			unquoted, err := export(envFile, env)
			if len(unquoted) > 0 {
				tell(errOut, cmd, env, slog.LevelWarn, fmt.Sprintf("ehpcbot: %s: the quotes around %s are left out; Docker would take them "+
					"as part of the value", envFile, strings.Join(unquoted, ", ")))
			}
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if wantsVersion {
				printVersion(cmd, args)
				return nil
			}
			return serving(cmd, args)
		},
	}
	// cobra has a flag of its own for that, whose template would make the program five megabytes larger.
	root.Flags().BoolVar(&wantsVersion, "version", false, "print the version")
	root.PersistentFlags().StringVar(&envFile, "env-file", "", "take what the environment does not set from this `file`")
	root.SetOut(out)
	root.SetErr(errOut)
	root.CompletionOptions.HiddenDefaultCmd = true
	serveCommand := &cobra.Command{
		Use: "serve", Short: "Run the bot (what ehpcbot does without a command, too)", Args: cobra.NoArgs, RunE: serving,
	}
	serveCommand.Flags().BoolVar(&whileStdin, "while-stdin", false, "stop at the end of the standard input, for a bot that must not outlive another program")
	_ = serveCommand.Flags().MarkHidden("while-stdin") // can't fail: there is such a flag
	root.AddCommand(
		serveCommand,
		checkCommand(out, env, environ),
		manifestCommand(out, env),
		demoCommand(out, errOut, env),
		sandboxCommand(out, env),
		&cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Run: printVersion},
		licensesCommand(out),
		healthCommand(out, env),
	)
	root.AddCommand(report.Commands(out, env, time.Now)...)
	return root
}

// export puts what a file sets into the environment of the process: there also those look who are not told, such as for
// a proxy or a certificate. It returns the variables whose quotes were left out.
func export(path string, env envconfig.Lookuper) (unquoted []string, err error) {
	values, unquoted, err := config.EnvFile(path, env)
	for name, value := range values {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err != nil {
		return nil, fmt.Errorf("--env-file: %w", err)
	}
	return unquoted, nil
}

func checkCommand(out io.Writer, env envconfig.Lookuper, environ func() []string) *cobra.Command {
	r := &check.Report{Out: out}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Try the configuration against Slack, the EHPC API and the database, and say what is wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conf, err := config.Load(env)
			var faults config.Faults
			if err != nil && (!r.JSON || !errors.As(err, &faults)) {
				return hinted(err, environ())
			}
			for _, hint := range config.Misspelt(environ()) {
				name, text, _ := strings.Cut(hint, ": ")
				r.Add(check.Finding{Name: name, Status: check.Warn, Text: text})
			}
			for _, f := range faults {
				r.Add(check.Finding{Name: f.Variable, Status: check.Fault, Text: f.Wrong, Advice: f.Right})
			}
			if err == nil {
				accounts, err := ehpc.NewClient(conf.EHPC)
				if err != nil {
					return err
				}
				check.Run(cmd.Context(), conf, slackapi.New(conf.Slack.API, nil), accounts, r.Add)
			}
			if !r.End() {
				return errReported
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&r.JSON, "json", false, "print one JSON document: of each finding its name, status (ok, warn or fault), text and advice")
	return cmd
}

func manifestCommand(out io.Writer, env envconfig.Lookuper) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "manifest",
		Short: "Print the manifest from which Slack makes the app",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			command, err := config.Command(env)
			if err != nil {
				return err
			}
			o := manifest.Options{Command: command}
			if !asJSON {
				fmt.Fprint(out, manifest.YAML(o))
				return nil
			}
			text, err := manifest.JSON(o)
			if err != nil {
				return err
			}
			fmt.Fprintln(out, string(text))
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of YAML, without the comments")
	return cmd
}

func demoCommand(out, errOut io.Writer, env envconfig.Lookuper) *cobra.Command {
	var verbose bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Play one request from the command to the credentials, on this machine alone",
		Long: "demo starts an embedded Slack workspace and an embedded EHPC API on this machine, runs the bot against\n" +
			"them over real connections, and prints the conversation as each person sees it. It needs no configuration;\n" +
			"with LOCALE=zh the people and the bot speak Chinese, and with CREDENTIALS_DELIVERY=button the credentials\n" +
			"are behind a button.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log := io.Discard
			if verbose {
				log = errOut
			}
			// Where the terminal or the reader of the output goes away, the demo ends in order and clears up.
			signal.Ignore(syscall.SIGPIPE)
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			locale, _ := env.Lookup("LOCALE")
			delivery, _ := env.Lookup("CREDENTIALS_DELIVERY")
			return demo.Play(ctx, out, locale, delivery, func(ctx context.Context, env envconfig.Lookuper) error {
				return serve(ctx, env, log, nil)
			})
		},
	}
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "print the bot's log as well")
	return cmd
}

func sandboxCommand(out io.Writer, env envconfig.Lookuper) *cobra.Command {
	var o sandbox.Options
	var noBot bool
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "Try the bot in a browser, on this machine alone",
		Long: "sandbox opens a page on which you are each person of an embedded Slack workspace in turn. It runs the bot\n" +
			"as a process of its own between that workspace and an embedded EHPC API, shows what goes on behind it, and\n" +
			"lets things go wrong at a press. It needs no configuration; with LOCALE=zh it speaks Chinese.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if locale, _ := env.Lookup("LOCALE"); strings.EqualFold(strings.TrimSpace(locale), "zh") {
				o.Locale = "zh"
			}
			if !noBot {
				var err error
				if o.Program, err = os.Executable(); err != nil {
					return fmt.Errorf("find this program, to run the bot: %w", err)
				}
			}
			// A closed terminal ends it in order, so that nothing of it is left behind.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			return sandbox.Run(ctx, out, o)
		},
	}
	cmd.Flags().StringVar(&o.Addr, "addr", "127.0.0.1:8088", "where the page is, on `loopback`")
	cmd.Flags().BoolVar(&o.Open, "open", false, "open the page in the browser")
	cmd.Flags().BoolVar(&noBot, "no-bot", false, "run no bot, and print what one of your own needs to connect")
	return cmd
}

// licensesCommand is for those to whom the program is handed on: most of the licenses ask for that.
func licensesCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Print the licenses of what the program contains",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := licenses.Text()
			fmt.Fprint(out, text)
			return err
		},
	}
}

// healthCommand is for containers, whose images have no shell to ask /healthz with.
func healthCommand(out io.Writer, env envconfig.Lookuper) *cobra.Command {
	return &cobra.Command{
		Use:    "healthcheck",
		Short:  "Ask the bot on this machine whether it runs",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			addr, err := config.HTTPAddr(env)
			if err != nil {
				return err
			}
			if addr == "" {
				// A container whose bot can't be asked is not one that should be started again and again.
				fmt.Fprintln(out, "off: HTTP_ADDR is set to nothing, so nothing answers /healthz")
				return nil
			}
			return status.Ask(cmd.Context(), addr)
		},
	}
}

func versionLine() string {
	v := version
	info, ok := debug.ReadBuildInfo()
	if v == "" && ok {
		v = info.Main.Version
	}
	if v == "" || v == "(devel)" {
		v = "development version"
	}
	line := "ehpcbot " + v
	if ok {
		line += " (" + info.GoVersion + ")"
	}
	return line
}

// serve runs the bot until ctx ends. It stops in this order: no more envelopes are taken and those in hand
// are answered; the jobs in hand end; then the database is closed.
func serve(ctx context.Context, env envconfig.Lookuper, logs io.Writer, environ []string) (err error) {
	running := false
	defer func(told context.Context) {
		if told.Err() != nil && (!running || errors.Is(err, context.Canceled)) {
			err = nil // while it starts, what a stop cuts short fails in many ways
		}
	}(ctx)
	conf, err := load(env, environ)
	if err != nil {
		return err
	}
	log := newLogger(logs, conf.Log)
	for _, hint := range config.Misspelt(environ) {
		log.Warn("an unknown variable", "hint", hint)
	}
	log.Info("ehpcbot starts", "version", versionLine(), "database", conf.Database)

	metrics := status.NewMetrics()
	var checks status.Checks
	listener, err := listen(conf.HTTPAddr)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	// The rest goes on until the bot has answered what it had in hand.
	rest, stopRest := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { stopRest(); _ = group.Wait() }()
	if listener != nil {
		log.Info("answering /healthz, /readyz and /metrics", "address", listener.Addr().String())
		group.Go(func() error { return status.Serve(rest, listener, status.Handler(metrics, &checks)) })
	}

	db, err := openDatabase(ctx, conf.Database.URL, log, &checks)
	if err != nil {
		return cause.Advice(fmt.Errorf("DATABASE_URL: %w", err), "DATABASE_URL")
	}
	defer db.Close()
	log.Info("the database is open", "database", db.Place())
	keys, err := keyring.For(ctx, db, conf.Database.Keys.Reveal())
	if err != nil {
		return err
	}

	if damaged, err := keys.Check(ctx, db); err != nil {
		return err
	} else if len(damaged) > 0 {
		log.Error("sealed passwords are damaged: their requests fail when it is their turn", "requests", damaged)
	}
	protect(db, log)

	health, err := status.NewHealth(conf.EHPC.Endpoint, log)
	if err != nil {
		return err
	}
	conf.EHPC.Observe = func(action, result string, took time.Duration) {
		metrics.EHPCCall(action, result, took)
		health.Called(action, result, took)
	}
	quota := store.NewQuota(db, conf.Policy.CallsPerHour, log)
	conf.EHPC.Quota = quota
	accounts, err := ehpc.NewClient(conf.EHPC)
	if err != nil {
		return err
	}
	api := slackapi.New(conf.Slack.API, metrics.SlackCall)
	people := slackapi.NewPeople(api, time.Now)
	service := approval.NewService(conf.Policy, db, keys, people, log, time.Now)
	service.LookAt(accounts)
	metrics.CountRequests(service)
	b := bot.New(conf.Slack, api, people, service, log, metrics)
	setChecks(&checks, b, service, health)
	b.ShowHealth(&checks)

	running = true
	group.Go(func() error {
		defer stopRest()
		return b.Run(ctx)
	})
	group.Go(func() error {
		worker := work.Worker{
			Service: service, Database: db, Accounts: accounts, Clusters: accounts, Quota: quota, Messenger: b.Messenger(),
			Grace: 4 * time.Second, Observe: metrics.Job, Log: log,
		}
		return worker.Run(rest)
	})
	group.Go(func() error { health.Run(rest); return nil })
	group.Go(func() error { return follow(ctx, conf, service, log) })
	err = group.Wait()
	log.Info("ehpcbot has stopped")
	return err
}

// openDatabase opens the database. Where PostgreSQL is away it is waited for, as Slack and the API are.
func openDatabase(ctx context.Context, url string, log *slog.Logger, checks *status.Checks) (*store.Database, error) {
	const firstPause, longestPause = time.Second, 30 * time.Second
	for failures := 1; ; failures++ {
		db, err := store.Open(ctx, url)
		if err == nil || ctx.Err() != nil || !store.Away(err) {
			return db, err
		}
		checks.Set(status.Check{Name: "database", Setting: "DATABASE_URL", Try: func(context.Context) (string, error) { return "", err }})
		pause := backoff.Delay(failures, firstPause, longestPause)
		log.Warn("the database is waited for", "error", err, "again_in", pause.Round(time.Millisecond))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// follow reads POLICY_FILE anew at each SIGHUP, and has what waits say that its rules have changed. Where the file has
// faults, what held goes on.
func follow(ctx context.Context, conf config.Config, service *approval.Service, log *slog.Logger) error {
	if conf.PolicyFile == "" {
		return nil
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
		case <-ctx.Done():
			return nil
		}
		byCluster, err := config.PolicyFile(conf.PolicyFile, conf.Policy.Clusters, conf.Policy.Rules)
		if err != nil {
			log.Error("POLICY_FILE has faults: what held before goes on", "error", err)
			continue
		}
		conf.Policy.ByCluster.Replace(byCluster)
		log.Info("POLICY_FILE is read anew", "file", conf.PolicyFile)
		if err := service.DoubtAll(ctx); err != nil {
			log.Warn("what waits does not say yet that its rules have changed", "error", err)
		}
	}
}

// load reads the configuration.
func load(env envconfig.Lookuper, environ []string) (config.Config, error) {
	conf, err := config.Load(env)
	return conf, hinted(err, environ)
}

// hinted adds to the faults of the configuration hints at variables that look as if they were meant to be ours.
func hinted(err error, environ []string) error {
	if hints := config.Misspelt(environ); err != nil && len(hints) > 0 {
		return fmt.Errorf("%w\n%s", err, strings.Join(hints, "\n"))
	}
	return err
}

// protect keeps others off what the database holds, and goes on where it can't: the bot works all the same.
func protect(db *store.Database, log *slog.Logger) {
	changed, err := db.Protect()
	for _, path := range changed {
		log.Warn("others could read or change a file; now its owner alone can", "file", path)
	}
	if err != nil {
		log.Warn("others can read or change a file of the database; let its owner chmod it to 600", "error", err)
	}
}

func listen(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	listener, err := status.Listen(addr)
	return listener, cause.Advice(err, "HTTP_ADDR")
}

func setChecks(c *status.Checks, b *bot.Bot, service *approval.Service, health *status.Health) {
	c.Set(
		status.Check{Name: "slack", Setting: "SLACK_API_URL", Try: func(context.Context) (string, error) {
			open, wanted := b.Live()
			return fmt.Sprintf("%d of %d connections are open", open, wanted), b.Ready()
		}},
		status.Check{Name: "ehpc", Setting: "EHPC_ENDPOINT", Try: health.Try},
		status.Check{Name: "database", Setting: "DATABASE_URL", Try: func(ctx context.Context) (string, error) { return "answers", service.Ping(ctx) }},
	)
}

func newLogger(w io.Writer, conf config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: conf.Level}
	if conf.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
