package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/user"

	"github.com/spf13/cobra"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/config"
)

func (d desk) abandonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "abandon NUMBER",
		Short: "End a request that is approved and does not get on",
		Long: "abandon ends a request as failed that is approved and does not get on, such as one whose requester can't be\n" +
			"reached. The requester and the approvers are told when the bot runs, and Retry at the request's message goes on\n" +
			"with it. Approvers can do the same in Slack.\n\n" +
			"It needs the settings of the bot. On SQLite, stop the bot for it; on PostgreSQL the replicas may run.",
		Example: "  ehpcbot abandon 12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := requestNumber(args[0])
			if err != nil {
				return err
			}
			return d.abandon(cmd.Context(), id)
		},
	}
}

func (d desk) abandon(ctx context.Context, id int64) (err error) {
	conf, err := config.Load(d.env)
	if err != nil {
		return err
	}
	db, err := store.OpenExisting(ctx, conf.Database.URL)
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("the bot runs on this database: an approver can type %s abandon %d in Slack; or stop the bot, and run this again",
			conf.Slack.Command, id)
	}
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, err := keyring.For(ctx, db, conf.Database.Keys.Reveal())
	if err != nil {
		return err
	}
	service := approval.NewService(conf.Policy, db, keys, nil, slog.New(slog.DiscardHandler), d.now)
	story, err := service.AbandonFromShell(ctx, id, systemUser())
	switch r := approval.Refused(err); {
	case r != nil && r.Kind == approval.KindUnknown:
		return fmt.Errorf("there is no request %d; ehpcbot requests lists them", id)
	case r != nil:
		return fmt.Errorf("request %d is %s: only one that is approved and not at its end can be abandoned", id, r.Story.State)
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(d.out, "Request %d is ended. Look in the console whether the account %s is on %s: nobody knows its password.\n",
		id, printable(story.Username), story.ClusterID)
	return err
}

// systemUser is who runs the command, as the system calls them.
func systemUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
