package queue

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// Store holds the messages of all queues. It is safe for concurrent use.
type Store struct {
	clock *clock.Clock
	sent  func(queue string) // is told of every message that came into a queue; may be nil
	pool  *sqlite.Pool
}

// schema: due is when a message may be delivered, in Unix milliseconds; while it is
// leased, when the lease ends. since is when it came into its queue, which a dead letter
// does later than it was sent.
const schema = `
CREATE TABLE IF NOT EXISTS messages (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, queue TEXT NOT NULL, format TEXT NOT NULL, body BLOB NOT NULL,
	sent INTEGER NOT NULL, since INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL, lease TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS messages_due ON messages(queue, due, seq);
CREATE INDEX IF NOT EXISTS messages_lease ON messages(queue, lease)`

// held is the due time of a message that a Worker has: its lease ends with the delivery,
// whatever the cloud's clock does meanwhile.
const held = int64(1) << 62

// Open opens the file at path, which is made when it is missing. What a Worker had when
// the cloud was killed is due again. A message of a time that is yet to come, from a clock
// that had been moved ahead, waits as long as it had to when it was sent.
func Open(path string, c *clock.Clock) (*Store, error) {
	pool, err := sqlite.OpenPool(path, 2, func(conn *sqlite.Conn) error {
		if err := conn.Script(schema); err != nil {
			return err
		}
		if err := conn.Exec("UPDATE messages SET due = since, lease = '' WHERE due = ?", held); err != nil {
			return err
		}
		return conn.Exec("UPDATE messages SET due = due - (since - ?1), sent = min(sent, ?1), since = ?1 WHERE since > ?1", c.Now().UnixMilli())
	})
	if err != nil {
		return nil, fmt.Errorf("opening the file of the queues: %w", err)
	}
	return &Store{pool: pool, clock: c}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.pool.Close() }

func (s *Store) now() int64 { return s.clock.Now().UnixMilli() }

func (s *Store) query(row func(*sqlite.Stmt) error, query string, args ...any) error {
	return s.pool.Read(context.Background(), func(conn *sqlite.Conn) error { return conn.Query(row, query, args...) })
}

func (s *Store) write(fn func(*sqlite.Conn) error) error {
	return s.pool.Write(context.Background(), fn)
}

// Send puts messages into a queue, all or none of them: when it returns nil they are on
// disk. delay is for messages without one of their own.
func (s *Store) Send(queue string, delay time.Duration, all ...Message) error {
	if err := checkBatch(all); err != nil {
		return err
	}
	err := s.write(func(conn *sqlite.Conn) error {
		now := s.now()
		for _, m := range all {
			wait := delay
			if m.Delay != nil {
				wait = *m.Delay
			}
			body := m.Body
			if body == nil {
				body = []byte{}
			}
			if err := conn.Exec("INSERT INTO messages(id, queue, format, body, sent, since, due, attempts, lease) VALUES(?, ?, ?, ?, ?, ?, ?, 0, '')",
				newID(), queue, string(m.Format), body, now, now, now+wait.Milliseconds()); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && s.sent != nil {
		s.sent(queue)
	}
	return err
}

// Metrics are what a queue holds, delivered messages that are not acknowledged included.
type Metrics struct {
	Count  int64
	Bytes  int64
	Oldest int64 // Unix milliseconds; 0 when the queue is empty
}

// Metrics counts what a queue holds.
func (s *Store) Metrics(queue string) (m Metrics, err error) {
	err = s.query(func(row *sqlite.Stmt) error {
		m = Metrics{row.ColumnInt64(0), row.ColumnInt64(1), row.ColumnInt64(2)}
		return nil
	}, "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(min(sent), 0) FROM messages WHERE queue = ?", queue)
	return m, err
}

// Purge deletes all messages of a queue, or those with ids if there are some.
func (s *Store) Purge(queue string, ids ...string) error {
	return s.write(func(conn *sqlite.Conn) error {
		if len(ids) == 0 {
			return conn.Exec("DELETE FROM messages WHERE queue = ?", queue)
		}
		for _, id := range ids {
			if err := conn.Exec("DELETE FROM messages WHERE queue = ? AND id = ?", queue, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Expire deletes messages of a queue that are older than retention and that nobody has,
// and counts them.
func (s *Store) Expire(queue string, retention time.Duration) (n int, err error) {
	err = s.write(func(conn *sqlite.Conn) error {
		n, err = expire(conn, queue, s.now(), Terms{Retention: retention})
		return err
	})
	return n, err
}

// Peek is the next messages of a queue, without taking them; at most limit.
func (s *Store) Peek(queue string, limit int) ([]Delivered, error) {
	var all []Delivered
	err := s.query(func(row *sqlite.Stmt) error {
		all = append(all, delivered(row))
		return nil
	}, selected+" WHERE queue = ? AND due <= ? ORDER BY due, seq LIMIT ?", queue, s.now(), limit)
	return all, err
}

// ready is when the next batch of size messages should be delivered: as soon as that many
// are due, or when the first one has waited for long enough. ok is false for a queue with
// nothing to wait for.
func (s *Store) ready(queue string, size int, wait time.Duration) (at time.Time, ok bool, err error) {
	var due []int64
	err = s.query(func(row *sqlite.Stmt) error {
		due = append(due, row.ColumnInt64(0))
		return nil
	}, "SELECT due FROM messages WHERE queue = ? AND due < ? ORDER BY due, seq LIMIT ?", queue, held, size)
	if err != nil || len(due) == 0 {
		return time.Time{}, false, err
	}
	ms := due[0] + wait.Milliseconds()
	if len(due) == size {
		ms = min(ms, due[size-1])
	}
	return time.UnixMilli(ms).UTC(), true, nil
}

const selected = "SELECT seq, id, format, body, sent, attempts, lease FROM messages"

func delivered(row *sqlite.Stmt) Delivered {
	body := make([]byte, row.ColumnLen(3))
	row.ColumnBytes(3, body)
	return Delivered{
		ID: row.ColumnText(1), Format: Format(row.ColumnText(2)), Body: body,
		Sent: time.UnixMilli(row.ColumnInt64(4)).UTC(), Attempts: int(row.ColumnInt64(5)), Lease: row.ColumnText(6),
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
