package view

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

func changed(s *approval.Story) {
	s.Changes = []approval.Change{{
		Number: 1, Person: "U0ADA", Before: approval.Wish{Username: "isabelle", Mod: "755"}, After: s.Wish(), At: monday.Add(time.Hour),
	}}
	s.Decisions = decisions(approval.Approve, "U0ADA")
}

func byShell(s *approval.Story) { s.Decisions = decisions(approval.Approve, "shell:Maria <!here>") }

func cancelledByShell(s *approval.Story) {
	s.Failure, s.FailureDetail = approval.EndedFromShell, "asked by *telephone*"
}

func changeMessages(v View) map[string]Message {
	first := story(approval.Pending, changed, twoApprovers)
	onlyMod := story(approval.Approved, changed, func(s *approval.Story) { s.Changes[0].Before = approval.Wish{Username: s.Username} })
	return map[string]Message{
		"approval-pending-changed":    v.Approval(first),
		"approval-approved-changed":   v.Approval(onlyMod),
		"status-pending-changed":      v.Status(first),
		"change-notice-more-to-come":  v.ChangeNotice(first, first.Changes[0]),
		"change-notice":               v.ChangeNotice(onlyMod, onlyMod.Changes[0]),
		"approval-approved-by-shell":  v.Approval(story(approval.Approved, byShell)),
		"status-approved-by-shell":    v.Status(story(approval.Approved, byShell)),
		"approval-cancelled-by-shell": v.Approval(story(approval.Cancelled, cancelledByShell)),
		"notice-cancelled-by-shell":   v.Notice(story(approval.Cancelled, cancelledByShell)),
		"refusal-cancelled-by-shell":  v.Refusal(&approval.Refusal{Kind: approval.KindDecided, Story: story(approval.Cancelled, cancelledByShell)}),
		"refusal-stale":               v.Refusal(&approval.Refusal{Kind: approval.KindStale, Value: "12"}),
	}
}

// Whatever was changed, and how often, fits.
func TestChangeLimits(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{"&", "设", "\u202e", "{id}", "<!here>"} {
		s := hostile(approval.Pending)
		for n := range 40 {
			s.Changes = append(s.Changes, approval.Change{
				Number: n + 1, Person: "<!here>", Before: approval.Wish{Username: strings.Repeat(piece, 300), Mod: piece}, After: approval.Wish{Mod: strings.Repeat(piece, 300)},
			})
		}
		for _, locale := range []Locale{English, Chinese} {
			v := testView(locale)
			for _, m := range []Message{v.Approval(s), v.Status(s), v.ChangeNotice(s, s.Changes[0])} {
				require.Empty(t, checkMessage(m))
			}
			require.Empty(t, checkModal(v.ChangeForm(s)))
		}
	}
}
