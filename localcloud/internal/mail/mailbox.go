// Package mail keeps the email of the local cloud: nothing leaves this machine. What
// Workers send, forward and answer, and what was given to them, is in one mailbox, a
// SQLite file.
package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/mail"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// MaxSize is the size of a message that Cloudflare takes, in bytes.
const MaxSize = 25 << 20

// Kinds of mails.
const (
	Sent      = "sent"      // by a Worker, through a send_email binding
	Received  = "received"  // given to a Worker's email handler
	Forwarded = "forwarded" // by that handler
	Replied   = "replied"   // by that handler, to the sender
)

// Mail is one in the mailbox, without its text.
type Mail struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"`
	Account string            `json:"account_id"`
	Script  string            `json:"script"` // that sent it or got it
	At      time.Time         `json:"at"`
	From    string            `json:"from"` // of the envelope
	To      []string          `json:"to"`   // of the envelope
	Subject string            `json:"subject"`
	Size    int               `json:"size"`
	Of      string            `json:"of,omitempty"`      // the received mail that was forwarded or answered
	Headers map[string]string `json:"headers,omitempty"` // that were added by forwarding
	Outcome string            `json:"outcome,omitempty"` // of the handler of a received mail: "ok", "rejected" or how it failed
	Reason  string            `json:"reason,omitempty"`  // why a received mail was rejected
}

// ErrNotFound is a mail that is not there.
var ErrNotFound = errors.New("the mailbox has no such mail")

const schema = `CREATE TABLE IF NOT EXISTS mails(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL, raw BLOB NOT NULL) STRICT`

// Mailbox holds all mails of a cloud. It is safe for concurrent use.
type Mailbox struct {
	clock *clock.Clock
	log   *slog.Logger
	pool  *sqlite.Pool
}

// Open opens the file at path, which is made when it is missing.
func Open(path string, c *clock.Clock, log *slog.Logger) (*Mailbox, error) {
	pool, err := sqlite.OpenPool(path, 1, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the mailbox: %w", err)
	}
	return &Mailbox{clock: c, log: log, pool: pool}, nil
}

// Close closes the file.
func (b *Mailbox) Close() error { return b.pool.Close() }

func (b *Mailbox) exec(query string, args ...any) error {
	return b.pool.Write(context.Background(), func(c *sqlite.Conn) error { return c.Exec(query, args...) })
}

func (b *Mailbox) query(row func(*sqlite.Stmt) error, query string, args ...any) error {
	return b.pool.Read(context.Background(), func(c *sqlite.Conn) error { return c.Query(row, query, args...) })
}

// List is the mails, the newest first; at most limit.
func (b *Mailbox) List(limit int) ([]Mail, error) {
	all := []Mail{}
	err := b.query(func(row *sqlite.Stmt) error {
		var m Mail
		if err := json.Unmarshal([]byte(row.ColumnText(0)), &m); err != nil {
			return fmt.Errorf("reading the mailbox: %w", err)
		}
		all = append(all, m)
		return nil
	}, "SELECT doc FROM mails ORDER BY seq DESC LIMIT ?", limit)
	return all, err
}

// Get is one mail and its text as it was sent.
func (b *Mailbox) Get(id string) (m Mail, raw []byte, err error) {
	found := false
	err = b.query(func(row *sqlite.Stmt) error {
		found = true
		raw = make([]byte, row.ColumnLen(1))
		row.ColumnBytes(1, raw)
		return json.Unmarshal([]byte(row.ColumnText(0)), &m)
	}, "SELECT doc, raw FROM mails WHERE id = ?", id)
	if err == nil && !found {
		err = ErrNotFound
	}
	return m, raw, err
}

// Clear empties the mailbox.
func (b *Mailbox) Clear() error {
	return b.exec("DELETE FROM mails")
}

// Add puts a mail into the mailbox; its id, time, size and subject are filled in.
func (b *Mailbox) Add(m Mail, raw []byte) (Mail, error) {
	m.ID, m.At, m.Size = newID(), b.clock.Now().Truncate(time.Millisecond), len(raw)
	if parsed, err := mail.ReadMessage(bytes.NewReader(raw)); err == nil {
		m.Subject = decoded(parsed.Header.Get("Subject"))
	}
	if err := b.put(m, raw); err != nil {
		return m, err
	}
	b.log.Info("an email is in the mailbox", "kind", m.Kind, "script", m.Script, "from", m.From, "to", m.To, "subject", m.Subject, "id", m.ID)
	return m, nil
}

// Finish notes how the handler of a received mail ended.
func (b *Mailbox) Finish(id, outcome string) error {
	m, raw, err := b.Get(id)
	if err != nil {
		return err
	}
	if m.Outcome = outcome; outcome == "ok" && m.Reason != "" {
		m.Outcome = "rejected"
	}
	return b.put(m, raw)
}

func (b *Mailbox) put(m Mail, raw []byte) error {
	doc, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return b.exec("INSERT INTO mails(id, doc, raw) VALUES(?, ?, ?) ON CONFLICT(id) DO UPDATE SET doc = excluded.doc", m.ID, string(doc), append([]byte{}, raw...))
}

// decoded is a header in readable form.
func decoded(header string) string {
	if text, err := new(mime.WordDecoder).DecodeHeader(header); err == nil {
		return text
	}
	return header
}
