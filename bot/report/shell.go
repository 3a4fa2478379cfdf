package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/store"
	"ehpcbot/bot/config"
)

// deed is what a command does to a request from the shell.
type deed struct {
	action    approval.ShellAction
	short     string
	long      string
	decides   bool // so --as is needed
	condition string
	done      func(approval.Story) string
}

var deeds = []deed{
	{
		action: approval.ShellApprove, short: "Approve a request, while Slack is down", decides: true,
		long: "approve counts an approval of a request that waits for it, in the name that --as gives. Each name is one voice.\n" +
			"While the request waits for its sponsor, it stands for the sponsor's approval, which comes first.",
		condition: "only one that waits for approval can be approved",
		done: func(s approval.Story) string {
			if s.State == approval.Pending && len(s.Approvals()) == 0 {
				return "is approved for its sponsor. Now the approvers decide; to approve for one of them, too, run this again"
			}
			if s.State == approval.Pending {
				return fmt.Sprintf("has %d of %d approvals", len(s.Approvals()), s.Required)
			}
			what := "the account"
			if s.Reset {
				what = "a new password for the account"
			}
			return fmt.Sprintf("is approved: %s %s on %s, for %s", what, printable(s.Username), s.ClusterID, s.Requester)
		},
	},
	{
		action: approval.ShellDeny, short: "Deny a request, while Slack is down", decides: true,
		long:      "deny ends a request that waits for approval. The requester reads the reason.",
		condition: "only one that waits for approval can be denied",
		done:      func(approval.Story) string { return "is denied" },
	},
	{
		action: approval.ShellRetry, short: "Try a failed request again",
		long:      "retry tries a failed request again, as the button Retry does.",
		condition: "only a failed one can be tried again",
		done:      func(approval.Story) string { return "is tried again" },
	},
	{
		action: approval.ShellCancel, short: "Cancel a request that waits for approval",
		long:      "cancel ends a request that waits for approval, as its requester could. The requester reads the reason.",
		condition: "only one that waits for approval can be cancelled",
		done:      func(approval.Story) string { return "is cancelled" },
	},
	{
		action: approval.ShellAbandon, short: "End a request that is approved and does not get on",
		long: "abandon ends a request as failed that is approved and does not get on, such as one whose requester can't be\n" +
			"reached. Retry goes on with it.",
		condition: "only one that is approved and not at its end can be abandoned",
		done: func(s approval.Story) string {
			if s.Reset {
				return fmt.Sprintf("is ended. The account %s on %s may have a new password by now, which nobody knows", printable(s.Username), s.ClusterID)
			}
			return fmt.Sprintf("is ended. Look in the console whether the account %s is on %s: nobody knows its password", printable(s.Username), s.ClusterID)
		},
	},
}

// shellOptions are the flags of such a command.
type shellOptions struct{ as, reason string }

func (d desk) shellCommand(do deed) *cobra.Command {
	var o shellOptions
	name := string(do.action)
	example, ownRequest := "  ehpcbot "+name+" 12", ""
	if do.decides {
		ownRequest = " Whether somebody decides on their own request\ncan't be told from here."
		example += " --as \"Maria Weber\" --reason \"Slack is down, asked by telephone\""
	}
	cmd := &cobra.Command{
		Use:   name + " NUMBER",
		Short: do.short,
		Long: do.long + "\n\n" +
			"The audit log says that it came from the shell, in whose name, and which user of the system it was. The message\n" +
			"in the channel and the requester follow when the bot and Slack run." + ownRequest + "\n\n" +
			"It needs the settings of the bot, but for the tokens of Slack and the key of the API. On SQLite, stop the bot for\n" +
			"it; on PostgreSQL the replicas may run.",
		Example: example,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return fmt.Errorf("%s takes the number of one request, such as: ehpcbot %s 12", name, name)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := requestNumber(args[0])
			if err = errors.Join(err, o.check(do)); err != nil {
				return err
			}
			return d.fromShell(cmd.Context(), id, do, o)
		},
	}
	cmd.Flags().StringVar(&o.as, "as", "", "in whose `name`; without it in that of the system's user")
	if do.decides {
		cmd.Flags().Lookup("as").Usage = "who decides, by `name` (required)"
	}
	cmd.Flags().StringVar(&o.reason, "reason", "", "`why`, which the audit log keeps")
	return cmd
}

// nameMaxLength is the longest name of who decides, in characters.
const nameMaxLength = 40

func (o *shellOptions) check(do deed) error {
	o.as, o.reason = strings.TrimSpace(o.as), strings.TrimSpace(o.reason)
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case o.as == "" && do.decides:
		return errors.New("--as is missing: give the name of the person who decides, such as --as \"Maria Weber\"")
	case len([]rune(o.as)) > nameMaxLength || strings.ContainsFunc(o.as, unprintable):
		return fmt.Errorf("--as: %.60q is no name; give at most %d characters, in one line", o.as, nameMaxLength)
	case strings.ContainsFunc(o.reason, unprintable):
		return fmt.Errorf("--reason: %.60q holds what can't be printed; give it in one line", o.reason)
	}
	return nil
}

func (d desk) fromShell(ctx context.Context, id int64, do deed, o shellOptions) (err error) {
	policy, database, err := config.PolicyAndDatabase(d.env)
	if err != nil {
		return err
	}
	db, err := store.OpenExisting(ctx, database.URL)
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("the bot runs on this database: stop it, run ehpcbot %s, and start it again; or do it in Slack", do.action)
	}
	if err != nil {
		return unopened(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	keys, err := keyring.For(ctx, db, database.Keys.Reveal())
	if err != nil {
		return err
	}
	service := approval.NewService(policy, db, keys, nil, slog.New(slog.DiscardHandler), d.now)
	story, err := service.FromShell(ctx, id, do.action, approval.Shell{Name: o.as, User: systemUser()}, o.reason)
	if r := approval.Refused(err); r != nil {
		return do.refused(id, r, o)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.out, "Request %d %s.\n", id, do.done(story))
	return err
}

// refused says why a request can't be acted on.
func (do deed) refused(id int64, r *approval.Refusal, o shellOptions) error {
	switch r.Kind {
	case approval.KindUnknown:
		return fmt.Errorf("there is no request %d; ehpcbot requests lists them", id)
	case approval.KindVoted:
		return fmt.Errorf("%s has decided on request %d already", o.as, id)
	case approval.KindDecided:
		if r.Story.State == approval.Pending {
			return fmt.Errorf("the time for request %d was over at %s UTC", id, stamp(r.Story.ExpiresAt))
		}
	case approval.KindActive, approval.KindTwin:
		return fmt.Errorf("the account %s is now that of request %d", printable(r.Story.Username), r.Story.ID)
	case approval.KindNotAllowed:
		return fmt.Errorf("what request %d asks for is not allowed any more: %w", id, r.Why)
	case approval.KindReasonTooLong:
		return fmt.Errorf("--reason: give at most %d characters", r.Limit)
	}
	return fmt.Errorf("request %d is %s: %s", id, r.Story.State, do.condition)
}

// systemUser is who runs the command, as the system calls them.
func systemUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid-%d", os.Getuid()) // in a container nobody has a name
}
