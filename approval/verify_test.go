package approval_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/audit"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
)

// disarm takes the triggers away, as the owner of a database can.
func disarm(shared bool) []string {
	if shared {
		return []string{`ALTER TABLE event DISABLE TRIGGER USER`, `ALTER TABLE event_head DISABLE TRIGGER USER`}
	}
	return []string{
		`DROP TRIGGER event_no_update`, `DROP TRIGGER event_no_delete`, `DROP TRIGGER event_moves_head`,
		`DROP TRIGGER event_head_step`, `DROP TRIGGER event_head_no_delete`,
		`DROP TRIGGER event_appended`, `DROP TRIGGER event_head_no_insert`, `DROP TRIGGER event_head_event`,
	}
}

// tampering is a way to change a log of nine events, of which so many are whole after it.
type tampering struct {
	name  string
	do    []string
	whole int64
	want  []string
}

func asked(request, event int, what string) string {
	return fmt.Sprintf("request %d and event %d, which tells what was asked for, differ in the %s: one of them was changed", request, event, what)
}

func decision(person string, request, event int) string {
	return fmt.Sprintf("the decision of %s on request %d and event %d, which tells of it, differ: one of them was changed", person, request, event)
}

func decided(person string, request int) string {
	return fmt.Sprintf("the decision of %s on request %d is in no event: it was added by somebody else, or its event was changed or removed", person, request)
}

func undecided(person string, request, event int) string {
	return fmt.Sprintf("the decision of %s on request %d, of which event %d tells, is gone", person, request, event)
}

// TestVerifyFindsTampering changes the log of three requests, of nine events in all, in every way that an owner
// of the database could.
func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.nineEvents()
		r := b.reader()
		before, err := r.Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, before.Findings)
		require.EqualValues(t, 9, before.Whole)
		require.EqualValues(t, 9, before.Events)
		addRequest := addRequest
		if b.db.Shared() {
			addRequest = strings.Replace(addRequest, "VALUES", "OVERRIDING SYSTEM VALUE VALUES", 1)
		}
		db := b.disarmed()
		tables := []string{"request", "decision", "event", "event_head"}
		for _, table := range tables {
			do(t, db, `CREATE TABLE saved_`+table+` AS SELECT * FROM `+table)
		}
		restore := func() {
			for _, table := range []string{"decision", "request", "event", "event_head"} {
				do(t, db, `DELETE FROM `+table)
			}
			for _, table := range tables {
				identity := ""
				if b.db.Shared() {
					identity = "OVERRIDING SYSTEM VALUE "
				}
				do(t, db, `INSERT INTO `+table+` `+identity+`SELECT * FROM saved_`+table)
			}
		}
		cases := []tampering{
			{"nothing", nil, 9, nil},
			{"the first changed", []string{`UPDATE event SET actor = 'UOTTO' WHERE seq = 1`}, 0, []string{"event 1 was changed", asked(1, 1, "requester")}},
			{"a detail changed", []string{`UPDATE event SET detail = 'x' WHERE seq = 4`}, 3, []string{"event 4 was changed"}},
			{"a time changed", []string{`UPDATE event SET at = at + 1 WHERE seq = 4`}, 3, []string{"event 4 was changed"}},
			{"a person changed", []string{`UPDATE event SET actor = 'UOTTO' WHERE seq = 5`}, 4, []string{
				"event 5 was changed", decided(anna, 1), undecided(otto, 1, 5),
			}},
			{"a hash changed", []string{`UPDATE event SET hash = prev_hash WHERE seq = 5`}, 4, []string{"event 5 was changed"}},
			{"two changed", []string{`UPDATE event SET detail = 'x' WHERE seq IN (4, 6)`}, 3, []string{"event 4 was changed", decision(anna, 2, 6)}},
			{"the last changed", []string{`UPDATE event SET detail = 'x' WHERE seq = 9`}, 8, []string{"event 9 was changed"}},
			{"one removed", []string{`DELETE FROM event WHERE seq = 4`}, 3, []string{"event 4 was removed"}},
			{"several removed", []string{`DELETE FROM event WHERE seq BETWEEN 3 AND 5`}, 2, []string{"events 3 to 5 were removed", decided(anna, 1)}},
			{"the first removed", []string{`DELETE FROM event WHERE seq = 1`}, 0, []string{"event 1 was removed"}},
			{"the end cut off", []string{`DELETE FROM event WHERE seq > 7`}, 7, []string{
				"events 8 to 9 were removed",
				"request 3 is cancelled, but the log says pending: the request was changed, or the end of its log",
			}},
			{"the end cut off, where it changed no state", []string{`DELETE FROM event WHERE seq = 9`}, 8, []string{"event 9 was removed"}},
			{"all removed", []string{`DELETE FROM event`}, 0, []string{
				"events 1 to 9 were removed",
				"request 1 is in no event: it was added by somebody else, or its events were removed",
				"request 2 is in no event: it was added by somebody else, or its events were removed",
				"request 3 is in no event: it was added by somebody else, or its events were removed",
				decided(anna, 1), decided(anna, 2),
			}},
			{
				"two reordered", []string{`UPDATE event SET seq = 100 WHERE seq = 4`, `UPDATE event SET seq = 4 WHERE seq = 5`, `UPDATE event SET seq = 5 WHERE seq = 100`},
				3, []string{"event 5 was moved to the place of event 4"},
			},
			{
				"removed, and the gap closed", []string{`DELETE FROM event WHERE seq = 4`, `UPDATE event SET seq = 4 WHERE seq = 5`},
				3, []string{"event 5 was moved to the place of event 4"},
			},
			{"one replaced by a copy of another", []string{
				`DELETE FROM event WHERE seq = 4`,
				`INSERT INTO event SELECT 4, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash, mac FROM event WHERE seq = 2`,
			}, 3, []string{"event 2 was moved to the place of event 4"}},
			{"one numbered 0", []string{`INSERT INTO event SELECT 0, at, request_id, actor, action, from_state, to_state, detail, '', prev_hash, mac FROM event WHERE seq = 1`}, 9, []string{
				"event 0 was added by somebody else: the first one is event 1",
			}},
			{"two numbered below", []string{
				`INSERT INTO event SELECT seq - 9, at, request_id, actor, action, from_state, to_state, detail, prev_hash, hash, mac FROM event WHERE seq < 3`,
			}, 9, []string{
				"event -8 was added by somebody else: the first one is event 1",
				"event -7 was added by somebody else: the first one is event 1",
			}},
			{
				"one changed, and one moved to the end of all numbers",
				[]string{`UPDATE event SET detail = 'x' WHERE seq = 4`, `UPDATE event SET seq = 9223372036854775807 WHERE seq = 9`},
				3, []string{"event 4 was changed"},
			},
			{"the head lost", []string{`DELETE FROM event_head`}, 9, []string{"event 9 is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else"}},
			{"the head put back", []string{`UPDATE event_head SET seq = 8`}, 9, []string{"event 9 is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else"}},
			{"a state changed", []string{`UPDATE request SET state = 'denied' WHERE id = 3`}, 9, []string{
				"request 3 is denied, but the log says cancelled: the request was changed, or the end of its log",
			}},
			{"a request added", []string{addRequest}, 9, []string{
				"request 77 is in no event: it was added by somebody else, or its events were removed",
			}},
			{"another requester", []string{`UPDATE request SET requester = 'UCARL' WHERE id = 1`}, 9, []string{asked(1, 1, "requester")}},
			{"another username", []string{`UPDATE request SET username = 'isabe' WHERE id = 1`}, 9, []string{asked(1, 1, "username")}},
			{"another cluster", []string{`UPDATE request SET cluster = 'ehpc-x' WHERE id = 1`}, 9, []string{asked(1, 1, "cluster")}},
			{"other permissions", []string{`UPDATE request SET mod = '777' WHERE id = 2`}, 9, []string{asked(2, 2, "mod")}},
			{"no permissions", []string{`UPDATE request SET mod = '' WHERE id = 1`}, 9, []string{asked(1, 1, "mod")}},
			{"one word in another", []string{`UPDATE request SET cluster = cluster || ' mod=700', mod = '' WHERE id = 1`}, 9, []string{asked(1, 1, "cluster")}},
			{"fewer approvals needed", []string{`UPDATE request SET required = 7 WHERE id = 3`}, 9, []string{asked(3, 3, "approvals")}},
			{"another reason", []string{`UPDATE request SET reason = 'thesis' WHERE id = 1`}, 9, []string{asked(1, 1, "reason")}},
			{"a reason added", []string{`UPDATE request SET reason = 'thesis' WHERE id = 2`}, 9, []string{asked(2, 2, "reason")}},
			{"a reason removed", []string{`UPDATE request SET reason = '' WHERE id = 1`}, 9, []string{asked(1, 1, "reason")}},
			{"an end added", []string{`UPDATE request SET until_date = '2027-03-31' WHERE id = 1`}, 9, []string{asked(1, 1, "until")}},
			{"a policy added", []string{`UPDATE request SET policy = '2026-10' WHERE id = 2`}, 9, []string{asked(2, 2, "policy")}},
			{"another time", []string{`UPDATE request SET created_at = created_at + 1`}, 9, []string{asked(1, 1, "time"), asked(2, 2, "time"), asked(3, 3, "time")}},
			{"a decision added", []string{`INSERT INTO decision VALUES (3, 'UANNA', 'approve', '', 1)`}, 9, []string{decided(anna, 3)}},
			{"a decision removed", []string{`DELETE FROM decision WHERE request_id = 1`}, 9, []string{undecided(anna, 1, 5)}},
			{"a decision turned round", []string{`UPDATE decision SET verdict = 'approve' WHERE request_id = 1`}, 9, []string{decision(anna, 1, 5)}},
			{"a decision of somebody else", []string{`UPDATE decision SET person = 'UOTTO' WHERE request_id = 1`}, 9, []string{undecided(anna, 1, 5), decided(otto, 1)}},
			{"a decision for another reason", []string{`UPDATE decision SET reason = 'yes' WHERE request_id = 2`}, 9, []string{decision(anna, 2, 6)}},
			{"a request removed", []string{`DELETE FROM decision WHERE request_id = 2`, `DELETE FROM request WHERE id = 2`}, 9, []string{
				"request 2, of which event 6 tells, was removed",
			}},
		}
		if !b.db.Shared() {
			cases = append(cases, []tampering{
				{"text for a time", []string{`UPDATE event SET at = 'abc' WHERE seq = 3`}, 2, []string{"event 3 was changed", asked(3, 3, "time")}},
				{"a time with a fraction", []string{`UPDATE event SET at = at + 0.5 WHERE seq = 3`}, 2, []string{"event 3 was changed", asked(3, 3, "time")}},
				{"text for a request", []string{`UPDATE event SET request_id = 'abc' WHERE seq = 9`}, 8, []string{"event 9 was changed"}},
				{"bytes for a person, which no search finds", []string{`UPDATE event SET actor = CAST(actor AS BLOB) WHERE seq = 4`}, 3, []string{"event 4 was changed"}},
				{"a decision on no request", []string{`INSERT INTO decision VALUES (99, 'UANNA', 'approve', '', 1)`}, 9, []string{decided(anna, 99)}},
				{"bytes for a username", []string{`UPDATE request SET username = CAST(username AS BLOB) WHERE id = 1`}, 9, []string{asked(1, 1, "types of values")}},
				{"text for the time of a request", []string{`UPDATE request SET created_at = 'abc' WHERE id = 1`}, 9, []string{asked(1, 1, "time")}},
				{"bytes for a verdict", []string{`UPDATE decision SET reason = CAST(reason AS BLOB) WHERE request_id = 1`}, 9, []string{decision(anna, 1, 5)}},
				{"text for the number in the head", []string{`UPDATE event_head SET seq = 'abc'`}, 9, []string{
					"event 9 is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else",
				}},
			}...)
		}
		t.Logf("figures: %d ways to tamper with the audit log, all found and named", len(cases)-1)
		for _, c := range cases {
			do(t, db, c.do...)
			v, err := r.Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			require.Equal(t, c.want, v.Findings, c.name)
			require.Equal(t, c.whole, v.Whole, c.name)
			marked, err := r.Verify(t.Context(), nil, &before.Last)
			require.NoError(t, err)
			require.GreaterOrEqual(t, len(marked.Findings), len(v.Findings), c.name)
			restore()
		}
	})
}

const addRequest = `INSERT INTO request (id, cluster, username, mod, reason, requester, state, version, required, created_at, updated_at, expires_at)
	VALUES (77, 'c', 'u', '', '', 'U', 'denied', 1, 1, 1, 1, 1)`

// nineEvents makes three requests, one of which is denied, one refused to be decided, and one cancelled.
func (b *bench) nineEvents() {
	b.t.Helper()
	ctx := b.t.Context()
	_, err := b.service.Ask(ctx, approval.Ask{ //
		Requester: isabel, Username: "isabel", Mod: "700", Reason: `the "thesis" of Isabel`,
	}) // 1
	require.NoError(b.t, err)
	b.ask("nina")                                             // 2
	b.ask("carl")                                             // 3
	_, err = b.service.Approve(ctx, b.target(1), "USTRANGER") // 4
	require.NotNil(b.t, approval.Refused(err))                //
	_, err = b.service.Deny(ctx, b.target(1), anna, "no")     // 5
	require.NoError(b.t, err)                                 //
	_, err = b.service.Deny(ctx, b.target(2), anna, "no")     // 6
	require.NoError(b.t, err)                                 //
	_, err = b.service.Approve(ctx, b.target(3), "USTRANGE2") // 7
	require.NotNil(b.t, approval.Refused(err))                //
	_, err = b.service.Cancel(ctx, 3, isabel)                 // 8
	require.NoError(b.t, err)                                 //
	_, err = b.service.Approve(ctx, b.target(1), "USTRANGE3") // 9
	require.NotNil(b.t, approval.Refused(err))                //
}

// disarmed opens the database with the triggers taken away.
func (b *bench) disarmed() *sql.DB {
	b.t.Helper()
	db := raw(b.t, b.url)
	do(b.t, db, disarm(b.db.Shared())...)
	return db
}

// TestVerifyFindsForgery writes part of the log anew, with all hashes, as somebody could who knows this program.
func TestVerifyFindsForgery(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		forge := func(t *testing.T, from, to int64, head bool) (audit.Mark, *store.Reader) {
			b := setup(t, url(t), nil)
			b.nineEvents()
			r := b.reader()
			before, err := r.Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			db := b.disarmed()
			do(t, db, `UPDATE event SET actor = 'UFORGER' WHERE seq = 4`)
			var last approval.Event
			for e, err := range r.Events(t.Context(), audit.Filter{}) {
				require.NoError(t, err)
				if e.Seq >= from && e.Seq <= to {
					if last.Seq > 0 {
						e.PrevHash = last.Hash
					}
					e.Hash = hashOf(e)
					do(t, db, fmt.Sprintf(`UPDATE event SET prev_hash = '%s', hash = '%s' WHERE seq = %d`, e.PrevHash, e.Hash, e.Seq))
				}
				last = e
			}
			if head {
				do(t, db, fmt.Sprintf(`UPDATE event_head SET hash = '%s'`, last.Hash))
			}
			return before.Last, r
		}
		t.Run("one event with its hash", func(t *testing.T) {
			t.Parallel()
			_, r := forge(t, 4, 4, false)
			v, err := r.Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			require.Equal(t, []string{"event 5 does not follow event 4: one of them was changed, and its hash with it"}, v.Findings)
			require.EqualValues(t, 3, v.Whole)
		})
		t.Run("all that follow, but the head", func(t *testing.T) {
			t.Parallel()
			_, r := forge(t, 4, 9, false)
			v, err := r.Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			require.Equal(t, []string{"event 9 is not the one that ehpcbot wrote last: it was changed with its hash, or added by somebody else"}, v.Findings)
		})
		t.Run("all of it: only the mark that was noted tells", func(t *testing.T) {
			t.Parallel()
			mark, r := forge(t, 4, 9, true)
			v, err := r.Verify(t.Context(), nil, nil)
			require.NoError(t, err)
			require.Empty(t, v.Findings)
			v, err = r.Verify(t.Context(), nil, &mark)
			require.NoError(t, err)
			require.Equal(t, []string{"event 9 is not the one that was noted: the log was written anew, up to there at least"}, v.Findings)
			require.Zero(t, v.Whole)
		})
	})
}

// TestVerifyBesideTheBot verifies again and again while requests are asked for, refused and denied, in one moment of
// the database each time.
func TestVerifyBesideTheBot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.ask("isabel")
		done := make(chan error, 1)
		go func() {
			for id := int64(1); id <= 40; id++ {
				_, refused := b.service.Approve(t.Context(), b.target(id), fmt.Sprint("USTRANGER", id))
				_, err := b.service.Deny(t.Context(), b.target(id), anna, "no")
				_, again := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: fmt.Sprint("u", id)})
				if err = errors.Join(err, again); err != nil || approval.Refused(refused) == nil {
					done <- errors.Join(err, refused)
					return
				}
			}
			done <- nil
		}()
		r := b.reader()
		var last *audit.Mark
		for running := true; running; {
			select {
			case err := <-done:
				require.NoError(t, err)
				running = false
			default:
			}
			v, err := r.Verify(t.Context(), nil, last)
			require.NoError(t, err)
			require.Empty(t, v.Findings)
			last = &v.Last
		}
		require.EqualValues(t, 1+3*40, last.Seq)
	})
}

// TestVerifyIsBrief shows the first of many findings, of each kind.
func TestVerifyIsBrief(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.MaxActive = 100 })
	for i := range 30 {
		story := b.ask(fmt.Sprint("u", i))
		_, err := b.service.Deny(t.Context(), b.target(story.ID), anna, "no")
		require.NoError(t, err)
	}
	do(t, b.disarmed(), `UPDATE request SET username = 'x', state = 'cancelled'`, `UPDATE decision SET reason = ''`,
		`INSERT INTO event SELECT -seq, at, request_id + 1000, actor, 'x', from_state, to_state, detail, prev_hash, hash, mac FROM event`)
	v, err := b.reader().Verify(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Len(t, v.Findings, 5*20)
	for _, kind := range []string{
		"was added by somebody else: the first one is event 1", "but the log says", "was removed", "which tells what was asked for, differ", "which tells of it, differ",
	} {
		require.Len(t, slices.DeleteFunc(slices.Clone(v.Findings), func(f string) bool { return !strings.Contains(f, kind) }), 20, kind)
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	m := audit.Mark{Seq: 12, Hash: strings.Repeat("0123456789abcdef", 4)}
	got, err := audit.ParseMark(m.String())
	require.NoError(t, err)
	require.Equal(t, m, got)
	for _, bad := range []string{"", "12", "12:", ":" + m.Hash, "0:" + m.Hash, "-1:" + m.Hash, "12:" + m.Hash[1:], "12:" + strings.ToUpper(m.Hash), "x:" + m.Hash} {
		_, err := audit.ParseMark(bad)
		require.ErrorContains(t, err, "is no mark", bad)
	}
}
