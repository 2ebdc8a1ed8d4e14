package queue

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Format says what the bytes of a body are. They are kept as they were sent.
type Format string

// The formats. A body in V8 is a value that the Workers runtime serialized.
const (
	Text  Format = "text"
	JSON  Format = "json"
	Bytes Format = "bytes"
	V8    Format = "v8"
)

// Message is one that a producer sends. Delay is nil when the queue's own counts.
type Message struct {
	Format Format
	Body   []byte
	Delay  *time.Duration
}

// Delivered is a message as a consumer sees it.
type Delivered struct {
	ID       string
	Sent     time.Time // milliseconds
	Attempts int       // from 1
	Format   Format
	Body     []byte
	Lease    string
}

// check says why a message cannot be sent.
func (m Message) check() error {
	if !slices.Contains([]Format{Text, JSON, Bytes, V8}, m.Format) {
		return &Error{CodeMetadata, fmt.Sprintf("message content type %s is invalid; it must be one of text, json, bytes or v8", m.Format)}
	}
	if len(m.Body) > MaxBody {
		return &Error{CodeSize, fmt.Sprintf("message length of %d bytes exceeds limit of %d", len(m.Body), MaxBody)}
	}
	if m.Format == Text && !utf8.Valid(m.Body) {
		return &Error{CodeSchema, "a message of content type text is not UTF-8"}
	}
	if m.Format == JSON && !json.Valid(m.Body) {
		return &Error{CodeSchema, "a message of content type json is not JSON"}
	}
	return checkDelay(m.Delay)
}

func checkDelay(d *time.Duration) error {
	if d != nil && (*d < 0 || *d > MaxDelay) {
		return &Error{CodeMetadata, fmt.Sprintf("message delay of %g seconds is not within 0 to %g", d.Seconds(), MaxDelay.Seconds())}
	}
	return nil
}

// checkBatch says why messages cannot be sent together.
func checkBatch(all []Message) error {
	if len(all) == 0 {
		return &Error{CodeCount, "a batch has at least one message"}
	}
	if len(all) > MaxBatch {
		return &Error{CodeCount, fmt.Sprintf("batch message count of %d exceeds limit of %d", len(all), MaxBatch)}
	}
	size := 0
	for _, m := range all {
		if err := m.check(); err != nil {
			return err
		}
		size += len(m.Body)
	}
	if size > MaxBatchSize {
		return &Error{CodeBatchSize, fmt.Sprintf("batch size of %d bytes exceeds limit of %d", size, MaxBatchSize)}
	}
	return nil
}

// maxRequest bounds a batch on the wire: base64 and the JSON around it.
const maxRequest = MaxBatchSize*2 + 1<<16

// parseBatch reads what the binding sends for sendBatch. delay is that of messages
// without one.
func parseBatch(body []byte, delay *time.Duration) ([]Message, error) {
	var in struct {
		Messages []struct {
			Body        string
			ContentType Format
			DelaySecs   *float64
		}
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &Error{CodeMalformed, "the batch is not the JSON that was expected: " + err.Error()}
	}
	all := make([]Message, 0, len(in.Messages))
	for i, one := range in.Messages {
		bytes, err := base64.StdEncoding.DecodeString(one.Body)
		if err != nil {
			return nil, &Error{CodeSchema, fmt.Sprintf("the body of message %d is not base64", i)}
		}
		m := Message{Format: one.ContentType, Body: bytes, Delay: delay}
		if m.Format == "" {
			m.Format = V8
		}
		if one.DelaySecs != nil {
			d, err := Seconds(*one.DelaySecs)
			if err != nil {
				return nil, err
			}
			m.Delay = &d
		}
		all = append(all, m)
	}
	return all, checkBatch(all)
}

// Seconds is a delay from a request.
func Seconds(s float64) (time.Duration, error) {
	if !(s >= 0 && s <= MaxDelay.Seconds()) { // not a number is refused too
		return 0, &Error{CodeMetadata, fmt.Sprintf("message delay of %g seconds is not within 0 to %g", s, MaxDelay.Seconds())}
	}
	return time.Duration(s * float64(time.Second)), nil
}
