package store

import (
	"context"
	"database/sql"
	"fmt"

	"ehpcbot/approval"
	"ehpcbot/approval/rows"
)

// SaveQuestion implements [approval.Tx].
func (tx *Tx) SaveQuestion(ctx context.Context, requestID int64, q approval.Question) error {
	return tx.exec(ctx, fmt.Sprintf("store question %d of request %d", q.Number, requestID),
		`INSERT INTO question (request_id, number, person, question, at, answer, answered_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (request_id, number) DO UPDATE SET answer = excluded.answer, answered_at = excluded.answered_at`,
		requestID, q.Number, q.Person, q.Text, q.At.UnixMilli(), q.Answer, nullable(q.AnsweredAt))
}

func (tx *Tx) questions(ctx context.Context, requestID int64) ([]approval.Question, error) {
	return rows.Query(ctx, tx, "read the questions", func(row rows.Scanner) (q approval.Question, err error) {
		var at int64
		var answered sql.NullInt64
		err = row.Scan(&q.Number, &q.Person, &q.Text, &at, &q.Answer, &answered)
		q.At, q.AnsweredAt = rows.Moment(at), optional(answered)
		return q, err
	}, `SELECT number, person, question, at, answer, answered_at FROM question WHERE request_id = $1 ORDER BY number`, requestID)
}
