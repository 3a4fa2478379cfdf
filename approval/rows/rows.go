// Package rows reads rows of a database: it scans values that may be of any type, collects rows, and builds the
// conditions by which they are chosen.
package rows

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Moment is a time as it is stored: milliseconds since 1970.
func Moment(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// Scanner is a row, be it one of several or the only one.
type Scanner interface{ Scan(dest ...any) error }

// column takes what is stored in a column, and notes if it is of a type that is never written there. SQLite lets the
// owner of a database put any value anywhere, and a look at it is not to end there.
type column[T any] struct {
	to   *T
	odd  *bool
	read func(value any) (T, bool)
}

// Scan implements sql.Scanner.
func (c column[T]) Scan(value any) error {
	bytes, odd := value.([]byte)
	if odd {
		value = string(bytes)
	}
	got, ok := c.read(value)
	*c.to, *c.odd = got, *c.odd || odd || !ok
	return nil
}

// Number takes a number, and notes in odd anything else.
func Number(to *int64, odd *bool) column[int64] {
	return column[int64]{to, odd, func(value any) (int64, bool) {
		n, ok := value.(int64)
		return n, ok
	}}
}

// Text takes a text, and notes in odd anything else.
func Text[T ~string](to *T, odd *bool) column[T] {
	return column[T]{to, odd, func(value any) (T, bool) {
		s, ok := value.(string)
		return T(s), ok
	}}
}

// Querier is a database, or a transaction of one.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Query reads all rows that a query finds. An error begins with what was being done.
func Query[T any](ctx context.Context, in Querier, doing string, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := in.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return all, nil
}

// Only scans a row of one column.
func Only[T any](row Scanner) (value T, err error) {
	err = row.Scan(&value)
	return value, err
}

// Conditions are the parts of a WHERE clause, all of which must hold.
type Conditions struct {
	parts []string
	Args  []any // the values that they compare with
}

// Add adds a comparison with a value; its last word is the operator.
func (c *Conditions) Add(comparison string, value any) {
	c.Args = append(c.Args, value)
	c.parts = append(c.parts, comparison+"$"+strconv.Itoa(len(c.Args)))
}

// AddIf is Add, if it is wanted.
func (c *Conditions) AddIf(wanted bool, comparison string, value any) {
	if wanted {
		c.Add(comparison, value)
	}
}

// AddAny adds that a column has one of some values, if there are any.
func AddAny[T ~string](c *Conditions, column string, values []T) {
	if len(values) == 0 {
		return
	}
	places := make([]string, len(values))
	for i, s := range values {
		c.Args = append(c.Args, string(s))
		places[i] = "$" + strconv.Itoa(len(c.Args))
	}
	c.parts = append(c.parts, column+" IN ("+strings.Join(places, ", ")+")")
}

// Where returns them as a clause, empty where there are none.
func (c *Conditions) Where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// Limit returns a clause; 0 is no limit.
func Limit(limit int) string {
	if limit == 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(limit)
}
