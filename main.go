// Command ehpcbot is a Slack bot through which people ask for a user account on a QingCloud EHPC cluster.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/sethvargo/go-envconfig"
	"github.com/spf13/cobra"

	"ehpcbot/bot/check"
	"ehpcbot/bot/config"
	"ehpcbot/bot/demo"
	"ehpcbot/bot/licenses"
	"ehpcbot/bot/manifest"
	"ehpcbot/bot/report"
	"ehpcbot/bot/sandbox"
	"ehpcbot/bot/serve"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/status"
	"ehpcbot/ehpc"
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
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errInterrupted
	}
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
	if _, ok := errors.AsType[config.Faults](err); ok {
		return "ehpcbot: these settings are wrong or missing:\n" + err.Error()
	}
	return "ehpcbot: " + strings.TrimSpace(err.Error())
}

// errInterrupted is for a command that was told to stop, and so did not come to its end.
var errInterrupted = errors.New("interrupted")

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
		return runBot(ctx, env, errOut, environ())
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
			if len(args) > 0 { // an empty one: cobra does not take it for a command, and it is not meant to start the bot
				return fmt.Errorf("unknown command %q", args[0])
			}
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
		Use: "serve", Short: "Run the bot (what ehpcbot does without a command, too)", RunE: serving,
	}
	serveCommand.Flags().BoolVar(&whileStdin, "while-stdin", false, "stop at the end of the standard input, for a bot that must not outlive another program")
	_ = serveCommand.Flags().MarkHidden("while-stdin") // can't fail: there is such a flag
	root.AddCommand(
		serveCommand,
		checkCommand(out, env, environ),
		manifestCommand(out, env),
		demoCommand(out, errOut, env),
		sandboxCommand(out, env),
		&cobra.Command{Use: "version", Short: "Print the version", Run: printVersion},
		licensesCommand(out),
		healthCommand(out, env),
	)
	root.AddCommand(report.Commands(out, env, time.Now)...)
	refuseArguments(root.Commands())
	refuseUnknownTopics(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())
	})
	return root
}

// refuseArguments refuses what stands behind a command that takes nothing. cobra would call that a command.
func refuseArguments(commands []*cobra.Command) {
	for _, cmd := range commands {
		if cmd.Args == nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("%s takes nothing but flags, and there is %q", strings.TrimPrefix(cmd.CommandPath(), "ehpcbot "), args[0])
				}
				return nil
			}
		}
		refuseArguments(cmd.Commands())
	}
}

// refuseUnknownTopics makes help about what there is not a fault; cobra prints the usage then, and ends well.
func refuseUnknownTopics(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	help, _, _ := root.Find([]string{"help"}) // there is one
	help.Args = func(_ *cobra.Command, topic []string) error {
		_, rest, err := root.Find(topic)
		if err == nil && len(rest) > 0 {
			err = fmt.Errorf("there is no command %q", strings.Join(topic, " "))
		}
		return err
	}
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
				check.Run(cmd.Context(), conf, slackapi.New(conf.Slack.API, nil), accounts, func(f check.Finding) {
					if cmd.Context().Err() == nil { // what an interruption cuts short is no fault
						r.Add(f)
					}
				})
			}
			if cmd.Context().Err() != nil {
				return errInterrupted
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
				return runBot(ctx, env, log, nil)
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
			// Where the terminal or the reader of the output goes away, it ends in order, so that nothing of it is left behind.
			signal.Ignore(syscall.SIGPIPE)
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

// runBot runs the bot as it is configured, until ctx ends.
func runBot(ctx context.Context, env envconfig.Lookuper, logs io.Writer, environ []string) error {
	conf, err := load(env, environ)
	if err != nil {
		return err
	}
	log := newLogger(logs, conf.Log)
	for _, hint := range config.Misspelt(environ) {
		log.Warn("an unknown variable", "hint", hint)
	}
	log.Info("ehpcbot starts", "version", versionLine(), "database", conf.Database)
	return serve.Run(ctx, conf, log)
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

func newLogger(w io.Writer, conf config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: conf.Level}
	if conf.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
