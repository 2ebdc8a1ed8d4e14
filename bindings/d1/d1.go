// Package d1 is the binding to a D1 database.
//
//	var db = d1.Open("DB") // the name of the binding
//
//	func find(ctx context.Context, id string) (u User, err error) {
//		err = db.Prepare("SELECT name, age FROM users WHERE id = ?").Bind(id).First(ctx, &u.Name, &u.Age)
//		return u, err
//	}
//
// The context is that of a request, which knows the Worker's bindings. Whatever D1
// refuses is an [*Error] with D1's own words.
//
// D1 has the numbers of JavaScript: those beyond ±2⁵³ are not whole any more. A whole
// number that D1 could change is refused, both as a parameter and by Scan.
package d1

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// MaxParameters is how many parameters a statement may have.
const MaxParameters = 100

// ErrNoRows is what First returns when there is no row.
var ErrNoRows = errors.New("d1: there is no such row")

// DB is a database. It holds nothing of a request and serves all of them.
type DB struct{ binding string }

// Open is the database that the binding of that name is for. Whether there is one shows
// when it is used.
func Open(binding string) *DB { return &DB{binding: binding} }

// Prepare is a statement with the text sql, whose parameters are ?, or ?1, ?2 and so on.
func (d *DB) Prepare(sql string) *Stmt { return &Stmt{db: d, sql: sql} }

// Batch runs statements in their order in one transaction: all of them or none. Its
// results are those of the statements, with the rows that [Stmt.All] would give.
func (d *DB) Batch(ctx context.Context, statements ...*Stmt) ([]*Result, error) {
	return d.batch(ctx, nil, statements)
}

// ExecResult is what Exec did.
type ExecResult struct {
	Count    int           // of lines
	Duration time.Duration // in the database
}

// Exec runs SQL without parameters, such as a migration: each line is a text of its own,
// of one or several statements, and all run in one transaction.
func (d *DB) Exec(ctx context.Context, sql string) (ExecResult, error) {
	return d.exec(ctx, sql)
}

// Session is a sequence of queries of which each sees at least what those before it
// saw, also where replicas answer. constraint is [FirstPrimary], [FirstUnconstrained] or
// the bookmark of another session; "" is FirstUnconstrained.
func (d *DB) Session(constraint string) *Session {
	constraint = strings.TrimSpace(constraint)
	if constraint == "" {
		constraint = FirstUnconstrained
	}
	return &Session{db: d, last: constraint}
}

// How a session begins.
const (
	FirstPrimary       = "first-primary"       // with the newest data
	FirstUnconstrained = "first-unconstrained" // with whatever is near
)

// Session is a sequence of queries; see [DB.Session]. It may be used by several
// goroutines.
type Session struct {
	db   *DB
	mu   sync.Mutex
	last string // the constraint, then the newest bookmark
}

// Prepare is [DB.Prepare] in this session.
func (s *Session) Prepare(sql string) *Stmt { return &Stmt{db: s.db, session: s, sql: sql} }

// Batch is [DB.Batch] in this session.
func (s *Session) Batch(ctx context.Context, statements ...*Stmt) ([]*Result, error) {
	return s.db.batch(ctx, s, statements)
}

// Bookmark is the newest state that the session has seen, for a session that goes on
// from there; "" before the first answer.
func (s *Session) Bookmark() string {
	if last := s.send(); last != FirstPrimary && last != FirstUnconstrained {
		return last
	}
	return ""
}

// send is what the next query has to say of the session; "" without one.
func (s *Session) send() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// saw takes the bookmark of an answer: bookmarks grow as texts.
func (s *Session) saw(bookmark string) {
	if s == nil || bookmark == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == FirstPrimary || s.last == FirstUnconstrained || s.last < bookmark {
		s.last = bookmark
	}
}

// Stmt is a statement with its parameters. It is not changed by its methods, and can be
// a package's variable.
type Stmt struct {
	db      *DB
	session *Session
	sql     string
	params  []byte // their JSON, without brackets
	count   int
	err     error // what is wrong with a parameter
}

// Bind is the statement with these parameters instead of those that it had: nil,
// booleans, whole numbers, floats, strings, []byte, [time.Time], pointers to them, and
// types made of them. A time is stored as UTC in the form 2006-01-02T15:04:05.000Z.
// What cannot be stored is the error of running the statement.
func (s *Stmt) Bind(args ...any) *Stmt {
	bound := &Stmt{db: s.db, session: s.session, sql: s.sql, count: len(args)}
	bound.params, bound.err = appendParams(make([]byte, 0, 16*len(args)), args)
	return bound
}

// SQL is the statement's text.
func (s *Stmt) SQL() string { return s.sql }

// All runs the statement and gives its rows with an account of what it cost. Where two
// columns have one name, only the later is there, as D1 has objects for rows: Raw has
// all columns.
func (s *Stmt) All(ctx context.Context) (*Result, error) {
	return s.run(ctx, all)
}

// Raw runs the statement and gives its rows: the cheapest way to read.
func (s *Stmt) Raw(ctx context.Context) (*Rows, error) {
	result, err := s.run(ctx, raw)
	if err != nil {
		return nil, err
	}
	return &result.Rows, nil
}

// First runs the statement and scans its first row, as [Rows.Scan] does; without a row
// it is [ErrNoRows].
func (s *Stmt) First(ctx context.Context, dest ...any) error {
	rows, err := s.Raw(ctx)
	if err != nil {
		return err
	}
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return ErrNoRows
	}
	return rows.Scan(dest...)
}

// Run runs the statement for what it changes.
func (s *Stmt) Run(ctx context.Context) (Meta, error) {
	result, err := s.run(ctx, run)
	if err != nil {
		return Meta{}, err
	}
	return result.Meta, nil
}

// append writes the statement as D1 wants it.
func (s *Stmt) append(b []byte) ([]byte, error) {
	if s.err != nil {
		return nil, s.err
	}
	b = jsonwire.AppendString(append(b, `{"sql":`...), s.sql)
	b = append(append(b, `,"params":[`...), s.params...)
	return append(b, "]}"...), nil
}

// The ways to ask for a statement.
const (
	all = "all"
	raw = "raw"
	run = "run"
)

func (s *Stmt) run(ctx context.Context, op string) (*Result, error) {
	body, err := s.append(make([]byte, 0, 64+len(s.sql)+len(s.params)))
	if err != nil {
		return nil, err
	}
	answer, bookmark, err := s.db.send(ctx, op, s.session.send(), body)
	if err != nil {
		return nil, err
	}
	s.session.saw(bookmark)
	results, err := s.db.parse(answer, op != raw)
	if err != nil {
		return nil, err
	}
	if len(results) != 1 {
		return nil, s.db.broken(errors.New("one result was expected"))
	}
	return results[0], nil
}

func (d *DB) batch(ctx context.Context, session *Session, statements []*Stmt) ([]*Result, error) {
	body := []byte{'['}
	for i, s := range statements {
		if i > 0 {
			body = append(body, ',')
		}
		if s.db.binding != d.binding {
			return nil, fmt.Errorf("d1: statement %d of a batch for %s is for %s", i+1, d.binding, s.db.binding)
		}
		var err error
		if body, err = s.append(body); err != nil {
			return nil, err
		}
	}
	answer, bookmark, err := d.send(ctx, "batch", session.send(), append(body, ']'))
	if err != nil {
		return nil, err
	}
	session.saw(bookmark)
	results, err := d.parse(answer, true)
	if err != nil {
		return nil, err
	}
	if len(results) != len(statements) {
		return nil, d.broken(errors.New("not as many results as statements"))
	}
	return results, nil
}
