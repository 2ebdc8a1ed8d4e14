package queue

import (
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Terms are what counts for the messages of a queue when they are taken and given back.
type Terms struct {
	MaxRetries int
	DeadLetter string        // id of the queue for messages whose attempts are used up; "" drops them
	Retention  time.Duration // age at which messages are deleted; 0 is never
}

// Fate counts what became of messages that nobody gets any more.
type Fate struct {
	Dead    int // moved to the dead letter queue
	Dropped int // attempts used up, and no such queue
	Expired int // too old
}

func (f Fate) plus(g Fate) Fate {
	return Fate{f.Dead + g.Dead, f.Dropped + g.Dropped, f.Expired + g.Expired}
}

// Lease takes at most limit due messages, and no more bytes than one delivery may have.
// Nobody else gets them before visible has passed, or, when it is 0, before they are
// settled. Each counts as attempted from now on.
func (s *Store) Lease(queue string, limit int, visible time.Duration, t Terms) (taken []Delivered, fate Fate, err error) {
	err = s.write(func(conn *sqlite.Conn) error {
		now := s.now()
		if fate.Expired, err = expire(conn, queue, now, t); err != nil {
			return err
		}
		until := held
		if visible > 0 {
			until = now + visible.Milliseconds()
		}
		for size := 0; len(taken) < limit; {
			m, ok, err := next(conn, queue, now)
			if err != nil || !ok {
				return err
			}
			if m.Attempts > t.MaxRetries { // its lease ended with nobody saying anything
				f, err := bury(conn, m.ID, now, t)
				if err != nil {
					return err
				}
				fate = fate.plus(f)
				continue
			}
			if size += len(m.Body); len(taken) > 0 && size > MaxBatchSize {
				return nil
			}
			m.Attempts, m.Lease = m.Attempts+1, newID()
			if err := conn.Exec("UPDATE messages SET attempts = ?, lease = ?, due = ? WHERE id = ?", m.Attempts, m.Lease, until, m.ID); err != nil {
				return err
			}
			taken = append(taken, m)
		}
		return nil
	})
	if err != nil {
		return nil, Fate{}, err
	}
	if fate.Dead > 0 && s.sent != nil {
		s.sent(t.DeadLetter)
	}
	return taken, fate, nil
}

// next is the first message that is due. A message that was just taken is not.
func next(conn *sqlite.Conn, queue string, now int64) (m Delivered, ok bool, err error) {
	err = conn.Query(func(row *sqlite.Stmt) error {
		m, ok = delivered(row), true
		return nil
	}, selected+" WHERE queue = ? AND due <= ? ORDER BY due, seq LIMIT 1", queue, now)
	return m, ok, err
}

// Settled says what becomes of a leased message: it is done, or it is tried again after
// Delay.
type Settled struct {
	Lease string
	Retry bool
	Delay time.Duration
}

// Settle ends leases. Those that were over already are late, by their places in all, and
// change nothing.
func (s *Store) Settle(queue string, t Terms, all ...Settled) (late []int, fate Fate, err error) {
	err = s.write(func(conn *sqlite.Conn) error {
		now := s.now()
		for i, one := range all {
			id, attempts, err := leased(conn, queue, one.Lease, now)
			if err != nil {
				return err
			}
			switch {
			case id == "":
				late = append(late, i)
			case !one.Retry:
				err = conn.Exec("DELETE FROM messages WHERE id = ?", id)
			case attempts > t.MaxRetries:
				var f Fate
				f, err = bury(conn, id, now, t)
				fate = fate.plus(f)
			default:
				err = conn.Exec("UPDATE messages SET lease = '', due = ? WHERE id = ?", now+one.Delay.Milliseconds(), id)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, Fate{}, err
	}
	if s.sent != nil {
		s.sent(queue)
		if fate.Dead > 0 {
			s.sent(t.DeadLetter)
		}
	}
	return late, fate, nil
}

// Return gives leased messages back as if they had not been taken.
func (s *Store) Return(queue string, leases ...string) error {
	return s.write(func(conn *sqlite.Conn) error {
		now := s.now()
		for _, lease := range leases {
			if err := conn.Exec("UPDATE messages SET attempts = attempts - 1, lease = '', due = ? WHERE queue = ? AND lease = ? AND due > ?", now, queue, lease, now); err != nil {
				return err
			}
		}
		return nil
	})
}

// Extend makes leases last for visible from now on, and counts those that it did.
func (s *Store) Extend(queue string, visible time.Duration, leases ...string) (extended int, err error) {
	err = s.write(func(conn *sqlite.Conn) error {
		now := s.now()
		for _, lease := range leases {
			id, _, err := leased(conn, queue, lease, now)
			if err != nil {
				return err
			}
			if id == "" {
				continue
			}
			extended++
			if err := conn.Exec("UPDATE messages SET due = ? WHERE id = ?", now+visible.Milliseconds(), id); err != nil {
				return err
			}
		}
		return nil
	})
	return extended, err
}

// leased is the message of a lease that is not over.
func leased(conn *sqlite.Conn, queue, lease string, now int64) (id string, attempts int, err error) {
	if lease == "" {
		return "", 0, nil
	}
	err = conn.Query(func(row *sqlite.Stmt) error {
		id, attempts = row.ColumnText(0), int(row.ColumnInt64(1))
		return nil
	}, "SELECT id, attempts FROM messages WHERE queue = ? AND lease = ? AND due > ?", queue, lease, now)
	return id, attempts, err
}

// bury takes a message out of its queue for good. In the dead letter queue it starts
// anew, with its id and the time it was sent.
func bury(conn *sqlite.Conn, id string, now int64, t Terms) (Fate, error) {
	if t.DeadLetter == "" {
		return Fate{Dropped: 1}, conn.Exec("DELETE FROM messages WHERE id = ?", id)
	}
	return Fate{Dead: 1}, conn.Exec("UPDATE messages SET queue = ?, attempts = 0, lease = '', since = ?, due = ? WHERE id = ?", t.DeadLetter, now, now, id)
}

// expire deletes messages that nobody has and that are too old.
func expire(conn *sqlite.Conn, queue string, now int64, t Terms) (int, error) {
	if t.Retention == 0 {
		return 0, nil
	}
	before := conn.TotalChanges()
	err := conn.Exec("DELETE FROM messages WHERE queue = ? AND since <= ? AND due <= ?", queue, now-t.Retention.Milliseconds(), now)
	return int(conn.TotalChanges() - before), err
}
