package approval_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
	"ehpcbot/ehpc/ehpctest"
)

func newKey(b byte) []byte { return bytes.Repeat([]byte{b}, keyring.Size) }

func ring(t *testing.T, keys ...[]byte) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(keys...)
	require.NoError(t, err)
	return k
}

// missing tells whether keys are missing.
func missing(t *testing.T, k *keyring.Keyring, db *store.Database) error {
	damaged, err := k.Check(t.Context(), db)
	require.Empty(t, damaged)
	return err
}

// failed makes failed requests, each with its sealed password.
func (b *bench) failed(names ...string) {
	b.t.Helper()
	b.api.FailJobs(len(names))
	for _, name := range names {
		story := b.ask(name)
		_, err := b.service.Approve(b.t.Context(), b.target(story.ID), anna)
		require.NoError(b.t, err)
		b.reach(story.ID, approval.Failed)
	}
}

func TestRekey(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.work()
		b.failed("isabel", "nina")
		passwords := b.passwords()
		require.Len(t, passwords, 2)
		b.close()

		db, err := store.OpenExisting(t.Context(), b.url)
		require.NoError(t, err)
		old, both, only := ring(t, key), ring(t, newKey(1), key), ring(t, newKey(1))
		require.NoError(t, missing(t, old, db))
		require.Error(t, missing(t, only, db))

		// Without the old key nothing is touched.
		_, err = only.Rekey(t.Context(), db)
		require.ErrorContains(t, err, "ENCRYPTION_KEY: 2 of 2 sealed passwords can't be opened")
		require.NoError(t, missing(t, old, db))

		done, err := both.Rekey(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, keyring.Rekeyed{Resealed: 2}, done)
		require.NoError(t, missing(t, only, db), "the old key is still needed")
		require.Error(t, missing(t, old, db))
		done, err = both.Rekey(t.Context(), db)
		require.NoError(t, err)
		require.Equal(t, keyring.Rekeyed{Right: 2}, done)
		require.NoError(t, db.Close())

		b.keys = [][]byte{newKey(1)}
		b.open()
		require.Equal(t, []string{"ask", "approve", "provision", "add_user", "fail", "rekey", "sign"}, b.actions(1), "rekey is audited, once")
		v, err := b.reader().Verify(t.Context(), nil, nil)
		require.NoError(t, err)
		require.Empty(t, v.Findings)
		b.work()
		for id := range int64(2) {
			_, err := b.service.Retry(t.Context(), b.target(id+1), anna)
			require.NoError(t, err)
			story := b.reach(id+1, approval.Delivered)
			require.Equal(t, passwords[story.Username], b.told.delivered(id + 1)[0].password.Reveal(), "another password")
		}
	})
}

// TestRekeyBesideTheBot rekeys again and again while requests are under way, on PostgreSQL.
func TestRekeyBesideTheBot(t *testing.T) {
	t.Parallel()
	b := setup(t, pgtest.URL(t), func(c *approval.Config) { c.MaxActive = 100 }, ehpctest.WithJobTime(50*time.Millisecond))
	b.keys = [][]byte{newKey(9), newKey(1), newKey(2)}
	b.close()
	b.open()
	b.work()
	other, err := store.OpenExisting(t.Context(), b.url)
	require.NoError(t, err)
	defer other.Close()
	stop := make(chan struct{})
	var rekeying sync.WaitGroup
	resealed := 0
	rekeying.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			// Each time another key is the first; the bot, which seals with its own, gives itself away now and then.
			first := byte(1 + i%2)
			done, err := ring(t, newKey(first), newKey(3-first), newKey(9)).Rekey(t.Context(), other)
			if err != nil && !strings.Contains(err.Error(), "sealed with another key meanwhile") {
				t.Error(err)
				return
			}
			resealed += done.Resealed
		}
	})
	const many = 12
	for i := range many {
		story := b.ask("u" + string(rune('a'+i)))
		_, err := b.service.Approve(t.Context(), b.target(story.ID), anna)
		require.NoError(t, err)
	}
	for id := range int64(many) {
		b.requireCredentials(b.reach(id+1, approval.Delivered))
	}
	close(stop)
	rekeying.Wait()
	require.Positive(t, resealed, "nothing was under way")
	t.Logf("figures: %d accounts while %d passwords were sealed anew", many, resealed)
	v, err := b.reader().Verify(t.Context(), nil, nil)
	require.NoError(t, err)
	require.Empty(t, v.Findings)
}

// TestRekeyInTheMiddle rekeys while a job has the request in hand: what it stores then must not bring the old
// sealing back, or the key that was just given up would be missed.
func TestRekeyInTheMiddle(t *testing.T) {
	t.Parallel()
	b := setup(t, pgtest.URL(t), nil)
	b.api.FailJobs(1)
	b.api.OnCall(func(call ehpctest.Call, phase string) {
		if call.Action != "addUser" || phase != ehpctest.PhaseBefore {
			return
		}
		other, err := store.OpenExisting(context.Background(), b.url)
		if err != nil {
			t.Error(err)
			return
		}
		defer other.Close()
		done, err := ring(t, newKey(1), key).Rekey(context.Background(), other)
		if err != nil || done.Resealed != 1 {
			t.Errorf("rekey: %+v, %v", done, err)
		}
	})
	b.work()
	story := b.ask("isabel")
	_, err := b.service.Approve(t.Context(), b.target(story.ID), anna)
	require.NoError(t, err)
	b.reach(story.ID, approval.Failed)
	require.NoError(t, missing(t, ring(t, newKey(1)), b.db))
}

func TestRekeyWithTheBotRunning(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), nil)
	_, err := store.OpenExisting(t.Context(), b.url)
	require.ErrorIs(t, err, store.ErrInUse)
}

// TestWrongKeyIsFoundAtStart holds that a lost key comes to light before a delivery needs it.
func TestWrongKeyIsFoundAtStart(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, url func(t testing.TB) string) {
		b := setup(t, url(t), nil)
		b.work()
		b.failed("isabel")
		b.close()
		db, err := store.Open(t.Context(), b.url)
		require.NoError(t, err)
		defer db.Close()
		_, err = keyring.For(t.Context(), db, [][]byte{newKey(1)})
		var lost *keyring.Error
		require.ErrorAs(t, err, &lost)
		want := "ENCRYPTION_KEY: 1 of 1 sealed passwords can't be opened (open the sealed password of request 1: it was sealed with a key that " +
			"ENCRYPTION_KEY does not hold); add the key that was used before behind the present one, as in NEW,OLD"
		if path, ok := strings.CutPrefix(b.url, "sqlite:"); ok {
			want += ", or restore " + path + ".key"
		}
		require.EqualError(t, err, want)
		_, err = keyring.For(t.Context(), db, [][]byte{newKey(1), key})
		require.NoError(t, err)
	})
}

// TestKeyFile holds which keys a SQLite database has.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T) (*store.Database, string) {
		path := filepath.Join(t.TempDir(), "ehpcbot.db")
		db, err := store.Open(t.Context(), "sqlite:"+path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db, path + ".key"
	}
	t.Run("made once, and kept", func(t *testing.T) {
		t.Parallel()
		db, path := start(t)
		first, err := keyring.For(context.Background(), db, nil)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		again, err := keyring.For(context.Background(), db, nil)
		require.NoError(t, err)
		requireOpens(t, again, first)
	})
	t.Run("opens what it sealed once ENCRYPTION_KEY is set", func(t *testing.T) {
		t.Parallel()
		db, _ := start(t)
		own, err := keyring.For(context.Background(), db, nil)
		require.NoError(t, err)
		set, err := keyring.For(context.Background(), db, [][]byte{newKey(1)})
		require.NoError(t, err)
		requireOpens(t, set, own)
		requireOpens(t, ring(t, newKey(1)), set)
	})
	t.Run("is not made when ENCRYPTION_KEY is set", func(t *testing.T) {
		t.Parallel()
		db, path := start(t)
		_, err := keyring.For(context.Background(), db, [][]byte{newKey(1)})
		require.NoError(t, err)
		require.NoFileExists(t, path)
	})
	t.Run("may be set as well", func(t *testing.T) {
		t.Parallel()
		db, path := start(t)
		own, err := keyring.For(context.Background(), db, nil)
		require.NoError(t, err)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		set, err := keyring.For(context.Background(), db, [][]byte{newKey(1), raw})
		require.NoError(t, err)
		requireOpens(t, set, own)
	})
	t.Run("is not made anew when something is sealed", func(t *testing.T) {
		t.Parallel()
		b := setup(t, storetest.SQLite(t), nil)
		b.work()
		b.failed("isabel")
		b.close()
		db, err := store.OpenExisting(t.Context(), b.url)
		require.NoError(t, err)
		defer db.Close()
		_, err = keyring.For(context.Background(), db, nil)
		require.EqualError(t, err, "ENCRYPTION_KEY: 1 of 1 sealed passwords can't be opened, because the key file "+db.KeyFile()+" is not there; "+
			"restore it from a backup, or set ENCRYPTION_KEY to the key that was used before")
		require.ErrorAs(t, err, new(*keyring.Error))
		require.NoFileExists(t, db.KeyFile())
		set, err := keyring.For(context.Background(), db, [][]byte{key})
		require.NoError(t, err, "a configured key needs no file")
		require.NoError(t, missing(t, set, db))
	})
	for name, keys := range map[string][][]byte{"damaged": nil, "damaged, with ENCRYPTION_KEY": {newKey(1)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, path := start(t)
			require.NoError(t, os.WriteFile(path, []byte("AAAA"), 0o600))
			_, err := keyring.For(context.Background(), db, keys)
			require.EqualError(t, err, "read the encryption key: "+path+" does not hold 32 bytes in base64; restore it from a backup")
		})
	}
}

// requireOpens holds that one keyring opens what another seals.
func requireOpens(t *testing.T, opens, seals *keyring.Keyring) {
	t.Helper()
	const text = "correct horse battery"
	got, err := opens.Open(approval.Bound{Request: 7}, seals.Seal(approval.Bound{Request: 7}, textOf(text)))
	require.NoError(t, err)
	require.Equal(t, text, got.Reveal())
}

// TestVerifyWithoutAKeyInBetween says of what another key has signed that this key may be missing.
func TestVerifyWithoutAKeyInBetween(t *testing.T) {
	t.Parallel()
	b := setup(t, storetest.SQLite(t), func(c *approval.Config) { c.MaxActive = 3 })
	second, third := bytes.Repeat([]byte("2"), 32), bytes.Repeat([]byte("3"), 32)
	b.ask("isabel")
	for i, keys := range [][][]byte{{second, key}, {third, second, key}} {
		b.close()
		b.keys = keys
		b.open()
		b.ask(fmt.Sprint("isabel", i))
	}
	given, err := keyring.New(third, key)
	require.NoError(t, err)
	v, err := b.reader().Verify(t.Context(), given, nil)
	require.NoError(t, err)
	require.Len(t, v.Findings, 1)
	require.Contains(t, v.Findings[0], "event 2 is signed with a key that is not given: give all that there were since")
}
