package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ehpcbot/approval"
)

// Elapse makes time pass in a SQLite database that no process has open, for those who try the bot out: as much of it as
// there is until the next reminder, expiry or clearing. It returns how much that was; 0 means that none of them is to come.
// All times of requests and jobs go back by it. Those of the audit log stay, because its events are never changed.
func Elapse(ctx context.Context, databaseURL string) (passed time.Duration, err error) {
	d, err := OpenExisting(ctx, databaseURL)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	err = d.write(ctx, func(ctx context.Context, tx *Tx) error {
		var milliseconds int64
		err := tx.QueryRowContext(ctx, `SELECT coalesce(cast(1000 * min(unixepoch(scheduled_at, 'subsec') - unixepoch('now', 'subsec')) AS integer), 0)
			FROM river_job WHERE state = 'scheduled' AND scheduled_at > datetime('now', 'subsec') AND kind IN (?, ?, ?)`,
			approval.RemindJob, approval.ExpireJob, approval.ScrubJob).Scan(&milliseconds)
		if err != nil {
			return fmt.Errorf("look for what is due next: %w", err)
		}
		passed = time.Duration(milliseconds) * time.Millisecond
		return elapse(ctx, tx, passed)
	})
	return passed, err
}

func elapse(ctx context.Context, tx *Tx, passed time.Duration) error {
	ms := passed.Milliseconds()
	for statement, by := range map[string]any{
		`UPDATE river_job SET scheduled_at = strftime('%Y-%m-%d %H:%M:%f', scheduled_at, ?) WHERE state = 'scheduled'`: fmt.Sprintf("-%.3f seconds", passed.Seconds()),
		`UPDATE request SET created_at = created_at - ?1, updated_at = updated_at - ?1, expires_at = expires_at - ?1, attempted_at = attempted_at - ?1,
			asked_at = asked_at - ?1, started_at = started_at - ?1, until_at = until_at - ?1, cleared_at = cleared_at - ?1,
			reminded_at = reminded_at - ?1, passed_at = passed_at - ?1, sponsored_at = sponsored_at - ?1,
			delivered_at = delivered_at - ?1, shown_at = shown_at - ?1, works_at = works_at - ?1`: ms,
		`UPDATE trouble SET at = at - ?`:                                   ms,
		`UPDATE question SET at = at - ?1, answered_at = answered_at - ?1`: ms,
		`UPDATE change SET at = at - ?`:                                    ms,
		`UPDATE digest SET at = at - ?`:                                    ms,
		`UPDATE decision SET at = at - ?`:                                  ms,
		`UPDATE message SET at = at - ?`:                                   ms,
	} {
		if _, err := tx.ExecContext(ctx, statement, by); err != nil {
			return fmt.Errorf("put times back by %s: %w", passed, err)
		}
	}
	return nil
}
