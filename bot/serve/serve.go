// Package serve wires everything together and runs it: the bot on its connections to Slack, the jobs, the answers to
// /healthz, /readyz and /metrics, and what is done at a signal.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/approval/work"
	"ehpcbot/bot"
	"ehpcbot/bot/cause"
	"ehpcbot/bot/config"
	"ehpcbot/bot/slackapi"
	"ehpcbot/bot/status"
	"ehpcbot/ehpc"
	"ehpcbot/ehpc/backoff"
)

// Run runs the bot until ctx ends. It stops in this order: no more envelopes are taken and those in hand are answered; the
// jobs in hand end; then the database is closed.
func Run(ctx context.Context, conf config.Config, log *slog.Logger) (err error) {
	running := false
	defer func(told context.Context) {
		if told.Err() != nil && (!running || errors.Is(err, context.Canceled)) {
			err = nil // while it starts, what a stop cuts short fails in many ways
		}
	}(ctx)

	hangups := make(chan os.Signal, 1) // one that comes while the database is waited for counts, too
	if conf.PolicyFile != "" {
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
	}
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
	db.TellWith(log)

	health, err := status.NewHealth(conf.EHPC.Endpoint, log)
	if err != nil {
		return err
	}
	conf.EHPC.Observe = func(action, result string) {
		metrics.EHPCCall(action, result)
		health.Called(action, result)
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
	group.Go(func() error { return follow(ctx, hangups, conf, service, log) })
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
		if err := backoff.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// follow reads POLICY_FILE anew at each SIGHUP, and has what waits say that its rules have changed, which takes its time.
// Where the file has faults, what held goes on.
func follow(ctx context.Context, hangups <-chan os.Signal, conf config.Config, service *approval.Service, log *slog.Logger) error {
	if conf.PolicyFile == "" {
		return nil
	}
	var saying sync.WaitGroup
	defer saying.Wait()
	stop := func() {}
	for {
		select {
		case <-hangups:
		case <-ctx.Done():
			stop()
			return nil
		}
		byCluster, err := config.PolicyFile(conf.PolicyFile, conf.Policy.Clusters, conf.Policy.Rules)
		if err != nil {
			log.Error("POLICY_FILE has faults: what held before goes on", "error", err)
			continue
		}
		conf.Policy.ByCluster.Replace(byCluster)
		log.Info("POLICY_FILE is read anew", "file", conf.PolicyFile)
		stop()
		said, cancel := context.WithCancel(ctx)
		stop = cancel
		saying.Go(func() {
			if err := service.DoubtAll(said); err != nil && said.Err() == nil {
				log.Warn("what waits does not say yet that its rules have changed", "error", err)
			}
		})
	}
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
