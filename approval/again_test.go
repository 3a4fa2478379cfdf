package approval_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
)

// What was true when a request was asked for, and approved, is looked at again before it takes effect.
func TestLookedAtAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*bench) // between two steps
		refused approval.Kind
		failed  approval.Failure // empty: goes back to the approvers
	}{
		"the name is reserved now": {
			change:  func(b *bench) { b.conf.Reserved = append(b.conf.Reserved, "isabel") },
			refused: approval.KindNotAllowed, failed: approval.FailureNotAllowed,
		},
		"the permissions are not allowed now": {
			change:  func(b *bench) { b.conf.AllowedMods = []string{"750"} },
			refused: approval.KindNotAllowed, failed: approval.FailureNotAllowed,
		},
		"the requester has left": {
			change:  func(b *bench) { b.people.answers = map[string]error{isabel: approval.ErrGone} },
			refused: approval.KindGone, failed: approval.FailureGone,
		},
		"the one who approved is no approver now": {
			change: func(b *bench) {
				b.conf.Approvers = slices.DeleteFunc(b.conf.Approvers, func(id string) bool { return id == anna })
			},
		},
		"more approvals are needed now": {
			change: func(b *bench) { b.conf.Required = 3 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			two := func(c *approval.Config) { c.Required, c.Approvers = 2, []string{anna, otto, staff} }
			asks := func(b *bench) approval.Target {
				story, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Mod: "700"})
				require.NoError(t, err)
				_, err = b.service.Approve(t.Context(), story.Target(), anna)
				require.NoError(t, err)
				return story.Target()
			}
			t.Run("at the decision", func(t *testing.T) {
				t.Parallel()
				b := setup(t, sqliteURL(t), two)
				on := asks(b)
				c.change(b)
				b.close()
				b.open()
				story, err := b.service.Approve(t.Context(), on, otto)
				if c.refused != "" {
					require.Equal(t, c.refused, kindOf(t, err))
					return
				}
				require.NoError(t, err)
				require.Equal(t, approval.Pending, story.State)
			})
			t.Run("before the account is made", func(t *testing.T) {
				t.Parallel()
				b := setup(t, sqliteURL(t), two)
				on := asks(b)
				story, err := b.service.Approve(t.Context(), on, otto)
				require.NoError(t, err)
				require.Equal(t, approval.Approved, story.State)
				c.change(b)
				b.restart()
				if c.failed != "" {
					require.Equal(t, c.failed, b.reach(1, approval.Failed).Failure)
				} else {
					b.reach(1, approval.Pending)
					_, err := b.service.Approve(t.Context(), on, greta)
					require.NoError(t, err)
					b.reach(1, approval.Delivered)
				}
				require.Equal(t, c.failed == "", b.api.CallCount("addUser") == 1)
			})
		})
	}
}
