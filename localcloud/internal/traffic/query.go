package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Filter says which records are wanted. Zero fields do not restrict.
type Filter struct {
	Account  string
	Scripts  []string  // any of them
	Versions []string  // any of them
	Outcomes []string  // any of them
	From, To time.Time // To is not included
	WithLogs bool      // only those that logged or threw
	Code     bool      // only invocations, not what assets answered
	Workers  bool      // like Code, and without those of durable objects
	After    int64     // only records with a higher ID
	Limit    int       // the newest so many; 0 is 100 for Recent and no limit for Each
	// Figures leaves Detail empty, which is faster.
	Figures bool
}

// Recent are the newest records that f wants, the newest first.
func (s *Store) Recent(ctx context.Context, f Filter) ([]Record, error) {
	if f.Limit == 0 {
		f.Limit = 100
	}
	found := []Record{}
	err := s.Each(ctx, f, func(r Record) error {
		found = append(found, r)
		return nil
	})
	return found, err
}

// Each hands the records that f wants to fn, the newest first. It ends with the
// error of fn.
func (s *Store) Each(ctx context.Context, f Filter, fn func(Record) error) error {
	query, args := f.query()
	err := s.db.read(ctx, func(c *sqlite.Conn) error {
		return rows(c, func(st *sqlite.Stmt) error {
			r, err := scan(st)
			if err != nil {
				return err
			}
			return fn(r)
		}, query, args)
	})
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return fmt.Errorf("reading the record of the traffic: %w", err)
	}
	return nil
}

func (f Filter) query() (string, []any) {
	var where []string
	var args []any
	add := func(condition string, values ...any) {
		where = append(where, condition)
		args = append(args, values...)
	}
	oneOf := func(column string, values []string) {
		if len(values) == 0 {
			return
		}
		marks := strings.TrimSuffix(strings.Repeat("?,", len(values)), ",")
		add(column+" IN ("+marks+")", slices.Collect(anys(values))...)
	}
	if f.Account != "" {
		add("account = ?", f.Account)
	}
	oneOf("script", f.Scripts)
	oneOf("version", f.Versions)
	oneOf("outcome", f.Outcomes)
	if !f.From.IsZero() {
		add("at >= ?", f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		add("at < ?", f.To.UnixMicro())
	}
	if f.WithLogs {
		add("(json_extract(detail, '$.logs') IS NOT NULL OR json_extract(detail, '$.exceptions') IS NOT NULL)")
	}
	if f.Workers {
		add("json_extract(detail, '$.object') IS NULL")
	}
	if f.Code || f.Workers {
		add("kind <> ?", Assets)
	}
	if f.After != 0 {
		add("id > ?", f.After)
	}
	query := "SELECT " + columns
	if f.Figures {
		query = "SELECT " + strings.TrimSuffix(columns, ", detail")
	}
	query += " FROM invocations"
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	query += " ORDER BY id DESC"
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return query, args
}

// anys are values as arguments of a statement.
func anys(values []string) func(yield func(any) bool) {
	return func(yield func(any) bool) {
		for _, v := range values {
			if !yield(v) {
				return
			}
		}
	}
}
