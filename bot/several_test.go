package bot_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/bot/slacktest"
)

// wait has so many people ask for an account each, and returns the requests as the digest shows them.
func (o *office) wait(people int) approval.Digest {
	o.t.Helper()
	for i := range people {
		id := fmt.Sprintf("U0ASKER%03d", i)
		o.slack.AddUser(slacktest.User{ID: id, Name: username(i)})
		_, err := o.service.Ask(o.t.Context(), approval.Ask{Requester: id, Username: username(i)})
		require.NoError(o.t, err)
	}
	return o.digest()
}

func (o *office) digest() approval.Digest {
	o.t.Helper()
	digests, err := o.service.Digests(o.t.Context())
	require.NoError(o.t, err)
	require.Len(o.t, digests, 1)
	return digests[0]
}

// digests returns the digests that stand in the channel.
func (o *office) digests() (live []slacktest.Message) {
	for _, m := range o.slack.Messages(channel) {
		if !m.Deleted && strings.Contains(m.Plain(), "requests are waiting for approval") {
			live = append(live, m)
		}
	}
	return live
}

// The digest follows what waits; that of the day before makes room for that of today, and one that is not needed any more
// is taken away.
func TestDigestFollows(t *testing.T) {
	t.Parallel()
	o := open(t, plan{idle: true})
	require.NoError(t, o.bot.Introduce(t.Context()))
	post := func(d approval.Digest) []slacktest.Message {
		require.NoError(t, o.bot.Messenger().Digest(t.Context(), d))
		return o.digests()
	}
	require.Len(t, post(o.wait(7)), 1)
	first := o.digests()[0]
	require.Contains(t, first.Plain(), "7 requests are waiting for approval")
	require.Equal(t, first.TS, post(o.digest())[0].TS)
	_, err := o.service.Deny(t.Context(), o.target(1), anna, "")
	require.NoError(t, err)
	changed := post(o.digest())
	require.Len(t, changed, 1)
	require.Equal(t, first.TS, changed[0].TS)
	require.Contains(t, changed[0].Plain(), "6 requests are waiting for approval")
	require.NotContains(t, changed[0].Plain(), username(0))

	tomorrow := o.digest()
	tomorrow.Now = tomorrow.Now.Add(24 * time.Hour)
	next := post(tomorrow)
	require.Len(t, next, 1)
	require.NotEqual(t, first.TS, next[0].TS)
	o.vanish(next[0])
	_, err = o.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel"})
	require.NoError(t, err)
	d := o.digest()
	d.Now = tomorrow.Now
	require.Len(t, post(d), 1, "one that is gone is there again, once something has changed")

	for id := int64(2); id <= 3; id++ {
		_, err = o.service.Deny(t.Context(), o.target(id), anna, "")
		require.NoError(t, err)
	}
	require.Empty(t, post(o.digest()))
	require.Empty(t, post(o.digest()))
	require.Empty(t, o.slack.Violations())
}

// Fifty decisions at once are stored before the acknowledgement, while Slack takes its time to tell who people are.
// Whatever is told of each is so.
func TestFiftyAtOnce(t *testing.T) {
	t.Parallel()
	o := open(t, plan{}).connected()
	d := o.wait(approval.SeveralMax)
	require.NoError(t, o.bot.Messenger().Digest(t.Context(), d))
	o.slack.Fail("users.info", slacktest.Fault{Delay: 150 * time.Millisecond, Times: -1})
	o.press(anna, o.digests()[0], "Decide several")
	form, err := o.slack.Person(anna).WaitModal(o.patient(), func(v slacktest.View) bool { return v.Submit != "" })
	require.NoError(t, err)
	values := map[string]string{"verdict": "deny"}
	for group := range 5 {
		var ticked []string
		for _, s := range d.Waiting[group*10 : group*10+10] {
			ticked = append(ticked, fmt.Sprintf("%d %s", s.ID, s.Target().Seen))
		}
		values[fmt.Sprint("requests-", group)] = strings.Join(ticked, ",")
	}
	values["verdict"] = "approve"
	r, err := o.slack.Person(anna).Submit(o.patient(), form, values)
	require.NoError(t, err)
	require.NoError(t, r.Err, o.log)
	require.NotNil(t, r.Updated, string(r.Payload))
	counts, err := o.service.Counts(context.Background())
	require.NoError(t, err)
	done := approval.SeveralMax - counts[approval.Pending]
	t.Logf("%d of %d are decided after %s", done, approval.SeveralMax, r.Took)
	require.Equal(t, done > 0, strings.Contains(r.Updated.Plain(), "Approved:"))
	if done < approval.SeveralMax { // the machine is slow
		require.Contains(t, r.Updated.Plain(), "not in time")
	}
	o.clean()
}
