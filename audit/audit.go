// Package audit is the journal of what clodo did: events chained by hashes, so that
// a changed, removed or reordered one is found.
package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Event is something that clodo did or decided. Whoever stores it sets Seq. It never
// holds the value of a secret.
type Event struct {
	Seq     int64             `json:"seq"`
	Time    time.Time         `json:"time"`
	Actor   string            `json:"actor"`  // user@host
	Action  string            `json:"action"` // such as release.begin, version.upload
	Release string            `json:"release,omitempty"`
	Target  string            `json:"target,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
}

// Entry is a stored event. Body is its canonical JSON, Prev the hash of the entry
// before it.
type Entry struct {
	Seq  int64
	Body string
	Prev string
	Hash string
}

// domain keeps these hashes apart from every other use of SHA-256.
const domain = "clodo-audit-v1"

// Genesis is the Prev of the first entry.
const Genesis = ""

// Seal makes the entry that follows the one with hash prev.
func Seal(seq int64, e Event, prev string) (Entry, error) {
	e.Seq = seq
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(e)
	if err != nil {
		return Entry{}, fmt.Errorf("write audit event: %w", err)
	}
	return Entry{Seq: seq, Body: string(body), Prev: prev, Hash: hash(seq, string(body), prev)}, nil
}

func hash(seq int64, body, prev string) string {
	h := sha256.New()
	for _, part := range []string{domain, strconv.FormatInt(seq, 10), prev, strconv.Itoa(len(body)), body} {
		h.Write([]byte(part))
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil))
}

// BrokenError is the first entry at which a chain does not hold.
type BrokenError struct {
	Seq    int64
	Reason string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("audit entry %d: %s", e.Seq, e.Reason)
}

// Verify checks that entries, oldest first, are an unbroken chain from the first
// event ever, and returns the hash of the last one. That entries are missing at the
// end is only found by comparing that hash with one kept elsewhere.
func Verify(entries []Entry) (head string, err error) {
	prev := Genesis
	for i, e := range entries {
		if want := int64(i) + 1; e.Seq != want {
			return prev, &BrokenError{Seq: want, Reason: fmt.Sprintf("the entry is missing, %d follows", e.Seq)}
		}
		if e.Prev != prev {
			return prev, &BrokenError{Seq: e.Seq, Reason: "does not follow the entry before it"}
		}
		if hash(e.Seq, e.Body, e.Prev) != e.Hash {
			return prev, &BrokenError{Seq: e.Seq, Reason: "was changed after it was written"}
		}
		if _, err := e.Event(); err != nil {
			return prev, &BrokenError{Seq: e.Seq, Reason: err.Error()}
		}
		prev = e.Hash
	}
	return prev, nil
}

// Event is the event of an entry. Its body must be exactly what Seal wrote, so that
// no two texts pass for one event.
func (e Entry) Event() (Event, error) {
	var ev Event
	dec := json.NewDecoder(bytes.NewReader([]byte(e.Body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&ev); err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	again, err := json.Marshal(ev)
	if err != nil {
		return Event{}, fmt.Errorf("read event: %w", err)
	}
	if string(again) != e.Body {
		return Event{}, fmt.Errorf("is not in canonical form")
	}
	if ev.Seq != e.Seq {
		return Event{}, fmt.Errorf("has the number %d inside", ev.Seq)
	}
	return ev, nil
}
