package approval_test

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ehpcbot/approval"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

// TestAnyLife lets people, the API and the machine do what they like in any order, and holds the promises: an
// account is made once, with the password that is delivered, be it the first or a new one, and not before its sponsor has
// approved, where one is asked for; and nobody is left without an answer.
func TestAnyLife(t *testing.T) {
	t.Parallel()
	lives := 0
	rapid.Check(t, func(rt *rapid.T) {
		if lives++; lives > 8 && os.Getenv("CI") == "" || lives > 20 { // each is a bot of its own
			return
		}
		t.Run("", func(t *testing.T) {
			b := setup(t, storetest.SQLite(t), func(c *approval.Config) {
				c.Required, c.MaxActive = rapid.IntRange(1, 2).Draw(rt, "required"), 3
				c.Rules.Sponsored = rapid.Bool().Draw(rt, "sponsored")
			},
				ehpctest.WithJobTime(time.Duration(rapid.SampledFrom([]int{0, 0, 700}).Draw(rt, "ms"))*time.Millisecond))
			b.work()
			m := &life{bench: b, rt: rt}
			for range rapid.IntRange(10, 30).Draw(rt, "steps") {
				m.step()
				m.check()
			}
			m.settle()
		})
	})
}

type life struct {
	*bench
	rt       *rapid.T
	requests int64
}

func (m *life) step() {
	pick := rapid.Int64Range(1, max(m.requests, 1)).Draw(m.rt, "request")
	approver := rapid.SampledFrom([]string{anna, otto, greta, isabel, sara, sara, "USTRANGER"}).Draw(m.rt, "person")
	ctx := m.t.Context()
	var err error
	switch rapid.SampledFrom([]string{
		"ask", "ask", "reset", "reset", "approve", "approve", "approve", "approve", "approve", "approve", "deny", "cancel", "retry", "clear", "restart", "api", "api", "api", "messenger", "wait",
	}).Draw(m.rt, "action") {
	case "ask":
		var story approval.Story
		story, err = m.service.Ask(ctx, approval.Ask{
			Requester: rapid.SampledFrom([]string{isabel, "UNINA"}).Draw(m.rt, "requester"),
			Username:  rapid.SampledFrom([]string{"isabel", "nina", "carl"}).Draw(m.rt, "username"),
			Sponsor:   sara,
			Envelope:  fmt.Sprint("e", rapid.IntRange(1, 20).Draw(m.rt, "envelope")),
		})
		m.requests = max(m.requests, story.ID)
	case "reset":
		var story approval.Story
		story, err = m.askReset(rapid.SampledFrom([]string{isabel, "UNINA"}).Draw(m.rt, "requester"), rapid.SampledFrom([]string{"isabel", "nina", "carl"}).Draw(m.rt, "username"))
		m.requests = max(m.requests, story.ID)
	case "approve":
		_, err = m.service.Approve(ctx, m.target(pick), approver)
	case "deny":
		_, err = m.service.Deny(ctx, m.target(pick), approver, "no")
	case "cancel":
		_, err = m.service.Cancel(ctx, pick, isabel)
	case "retry":
		_, err = m.service.Retry(ctx, m.target(pick), approver)
	case "clear":
		if len(m.told.delivered(pick)) > 0 { // only then there is a button
			_, err = m.service.Clear(ctx, m.target(pick), isabel)
		}
	case "restart":
		m.restart()
		// How the next stop will be: in order, or in the middle of what the jobs do.
		m.grace = rapid.SampledFrom([]time.Duration{0, 2 * time.Second}).Draw(m.rt, "grace")
	case "api":
		m.misbehave()
	case "wait":
		m.settled(pick)
	case "messenger":
		m.told.fail(rapid.SampledFrom([]string{"refresh", "deliver", "notify", "scrub"}).Draw(m.rt, "what"), 1)
	}
	if approval.Refused(err) == nil {
		require.NoError(m.t, err)
	}
}

func (m *life) misbehave() {
	switch rapid.SampledFrom([]string{"lost", "unsent", "busy", "internal", "job", "look", "reset"}).Draw(m.rt, "fault") {
	case "reset":
		m.api.Fail("modifyUser", rapid.SampledFrom([]ehpctest.Fault{
			{After: true}, {Before: true}, {Code: 5000, Effect: true}, {Code: 5100}, {Code: 1640}, {Code: 1400},
		}).Draw(m.rt, "reset"))
	case "lost":
		m.api.DropAfter("addUser", 1)
	case "unsent":
		m.api.DropBefore("addUser", 1)
	case "busy":
		m.api.Answer("addUser", 5100, 1)
	case "internal":
		m.api.Fail("addUser", ehpctest.Fault{Code: 5000, Effect: true})
	case "job":
		m.api.FailJobs(1)
	case "look":
		m.api.DropAfter("listUsers", 1)
	}
}

// check holds what is true at any moment.
func (m *life) check() {
	active := map[string]int{}
	for id := int64(1); id <= m.requests; id++ {
		story := m.story(id)
		if story.State.Active() {
			active[story.Username]++
		}
		if m.conf.Rules.Sponsored && !story.Reset && slices.Contains([]approval.State{approval.Approved, approval.Provisioning, approval.Provisioned, approval.Delivered, approval.Failed}, story.State) {
			require.NotZero(m.t, story.SponsoredAt, "approved without the sponsor")
		}
		require.LessOrEqual(m.t, m.api.AddUserEffects(cluster, story.Username), 1, "an account was made twice")
	}
	for name, n := range active {
		require.Equal(m.t, 1, n, "active requests for %s", name)
	}
}

// settled waits until nothing more happens to a request by itself.
func (m *life) settled(id int64) {
	m.eventually(func() bool {
		return id > m.requests || m.story(id).State.Final() || m.story(id).State == approval.Pending
	},
		func() string { return fmt.Sprintf("request %d stays %s", id, m.story(id).State) })
}

// settle lets everything come to its end, and holds what is true then.
func (m *life) settle() {
	m.api.ClearFaults()
	for id := int64(1); id <= m.requests; id++ {
		m.settled(id)
	}
	for id := int64(1); id <= m.requests; id++ {
		switch story := m.story(id); story.State {
		case approval.Delivered:
			if !m.hasAnother(story) {
				m.requireCredentials(story)
			}
		case approval.Denied, approval.Cancelled, approval.Failed:
			m.eventually(func() bool { return len(m.told.said(fmt.Sprintf("notify %d %s", id, story.State))) > 0 },
				func() string { return fmt.Sprintf("nobody was told that request %d is %s", id, story.State) })
		}
	}
	v, err := m.reader().Verify(m.t.Context(), nil, nil)
	require.NoError(m.t, err)
	require.Empty(m.t, v.Findings, "the audit log")
}

// hasAnother tells whether an account has another password than a request has delivered, or may have.
func (m *life) hasAnother(story approval.Story) bool {
	for id := story.ID + 1; id <= m.requests; id++ {
		later := m.story(id)
		if later.Username == story.Username && (later.State == approval.Delivered || later.Failure == approval.FailureTimeout) {
			return true
		}
	}
	return false
}
