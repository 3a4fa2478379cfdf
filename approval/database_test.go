package approval_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ehpcbot/approval"
	"ehpcbot/approval/keyring"
	"ehpcbot/approval/pgtest"
	"ehpcbot/approval/store"
	"ehpcbot/approval/storetest"
)

// TestWriterThatHangs has another process stop in the midst of a transaction, with the lock of all writers. The server
// ends it, and the others go on.
func TestWriterThatHangs(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	b := setup(t, url, nil)
	hanging, err := store.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = hanging.Close() })
	holds, over := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	go func() {
		ended <- hanging.Write(context.Background(), func(context.Context, approval.Tx) error {
			close(holds)
			<-over
			return nil
		})
	}()
	<-holds
	start := time.Now()
	b.eventually(func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond) // as a person waits
		defer cancel()
		_, err := b.service.Ask(ctx, approval.Ask{Requester: isabel, Username: "isabel"})
		return err == nil
	}, func() string { return "nobody can write" })
	require.Greater(t, time.Since(start), time.Second, "it did hold the lock")
	close(over)
	require.Error(t, <-ended, "what it wrote is not stored")
}

// TestSettingsOfRole sets for the role of the bot what would garble its texts, cut off those who wait, or lose what was
// acknowledged.
func TestSettingsOfRole(t *testing.T) {
	t.Parallel()
	address := pgtest.URL(t)
	u, err := url.Parse(address)
	require.NoError(t, err)
	for setting, value := range map[string]string{
		"client_encoding": "GBK", "TimeZone": "Asia/Shanghai", "standard_conforming_strings": "off", "default_transaction_isolation": "serializable",
		"synchronous_commit": "off", "statement_timeout": "2s", "lock_timeout": "2s", "idle_session_timeout": "2s",
	} {
		do(t, raw(t, address), `ALTER ROLE `+u.User.Username()+` IN DATABASE `+u.Path[1:]+` SET `+setting+` = '`+value+`'`)
	}
	b := setup(t, address, nil)
	const reason = `论文 \ ' — ñ`
	asked, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: "isabel", Reason: reason})
	require.NoError(t, err)
	require.Equal(t, reason, b.story(asked.ID).Reason)
	story, _, err := b.reader().History(t.Context(), asked.ID)
	require.NoError(t, err)
	require.Equal(t, reason, story.Reason)
	var stored string
	other := raw(t, address+"&client_encoding=UTF8")
	require.NoError(t, other.QueryRowContext(t.Context(), `SELECT reason FROM request`).Scan(&stored))
	require.Equal(t, reason, stored, "as others see it")

	for setting, want := range map[string]string{
		"client_encoding": "UTF8", "TimeZone": "UTC", "standard_conforming_strings": "on", "default_transaction_isolation": "read committed",
		"synchronous_commit": "on", "statement_timeout": "0", "lock_timeout": "0", "idle_session_timeout": "0",
	} {
		var is string
		require.NoError(t, b.db.SQL().QueryRowContext(t.Context(), `SHOW `+setting).Scan(&is))
		require.Equal(t, want, is, setting)
	}
	do(t, raw(t, address), `ALTER ROLE `+u.User.Username()+` IN DATABASE `+u.Path[1:]+` SET synchronous_commit = remote_apply`)
	b.restart()
	var is string
	require.NoError(t, b.db.SQL().QueryRowContext(t.Context(), `SHOW synchronous_commit`).Scan(&is))
	require.Equal(t, "remote_apply", is, "more than the bot needs stays")
}

// TestErasedPasswordsLeaveTheLog looks for what was sealed in the files of SQLite: after the password is erased, it
// stands in none of them, nor in the write-ahead log.
func TestErasedPasswordsLeaveTheLog(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	b := setup(t, url, nil)
	keys, err := keyring.New(b.keys...)
	require.NoError(t, err)
	b.api.HangJobs(true)
	b.work()
	asked := b.ask("isabel")
	_, err = b.service.Approve(t.Context(), b.target(asked.ID), anna)
	require.NoError(t, err)
	b.reach(asked.ID, approval.Provisioning)
	path := strings.TrimPrefix(url, "sqlite:")
	bound := approval.Bound{Request: asked.ID, Cluster: cluster, Username: "isabel", Requester: isabel}
	found := func() (opened int) {
		for _, file := range []string{path, path + "-wal"} {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			for at := range data {
				for length := 1 + 8 + 12 + 12 + 16; length <= 1+8+12+30+16 && at+length <= len(data) && data[at] == 2; length++ {
					if _, err := keys.Open(bound, data[at:at+length]); err == nil {
						opened++
					}
				}
			}
		}
		return opened
	}
	require.Positive(t, found(), "it is there while it is needed")
	b.api.HangJobs(false)
	b.reach(asked.ID, approval.Delivered)
	b.eventually(func() bool { return found() == 0 }, func() string { return "it can be opened still" })
}

// TestDatabaseFileIsReplaced takes the file away under the bot: nothing is acknowledged that would be gone at the next
// start.
func TestDatabaseFileIsReplaced(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	b := setup(t, url, nil)
	b.ask("isabel")
	path := strings.TrimPrefix(url, "sqlite:")
	require.NoError(t, b.service.Ping(t.Context()))
	for name, put := range map[string]func(){
		"removed":  func() {},
		"replaced": func() { require.NoError(t, os.WriteFile(path, nil, 0o600)) },
	} {
		require.NoError(t, os.Rename(path, path+".away"))
		put()
		_, err := b.service.Ask(t.Context(), approval.Ask{Requester: isabel, Username: name})
		require.ErrorContains(t, err, filepath.Base(path)+" was removed or replaced", name)
		require.ErrorContains(t, b.service.Ping(t.Context()), "put it back", name)
		require.NoError(t, os.Rename(path+".away", path))
		require.NoError(t, b.service.Ping(t.Context()))
	}
}
