package clodo

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is a server-sent event.
type Event struct {
	Name  string        // what the page listens for; "" is "message"
	ID    string        // what the browser sends as Last-Event-ID when it comes back
	Data  string        // lines of it stay lines
	Retry time.Duration // after which the browser comes back when the stream breaks; 0 leaves it as it is
}

// EventStream is an answer that goes on: server-sent events to one client. It is safe for
// concurrent use.
type EventStream struct {
	ctx        context.Context //nolint:containedctx // of the request, whose answer it is
	controller *http.ResponseController
	stop       chan struct{}
	beats      sync.WaitGroup

	mu sync.Mutex // held while something is written
	w  http.ResponseWriter
}

// heartbeat is after how long without an event a comment is sent, so that nobody on the
// way takes the stream for dead, and a client that left is noticed.
const heartbeat = 15 * time.Second

// ErrStreamClosed is what a stream returns that the handler has closed.
var ErrStreamClosed = errors.New("the stream of events is closed")

// Events begins a stream of server-sent events. The handler has to close it before it
// returns. Where it is told by [LastEventID] what the client has seen, it can go on from
// there.
//
//	events, err := clodo.Events(w, r)
//	if err != nil {
//		return err
//	}
//	defer events.Close()
//
// On Workers a stream keeps an instance of the program for itself as long as it is open.
func Events(w http.ResponseWriter, r *http.Request) (*EventStream, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	h.Del("Content-Length")
	s := &EventStream{ctx: r.Context(), controller: http.NewResponseController(w), stop: make(chan struct{}), w: w}
	if err := s.controller.Flush(); err != nil {
		return nil, err
	}
	s.beats.Go(s.beat)
	return s, nil
}

// LastEventID is the id of the last event that a client has seen which comes back; "" for
// one that is new.
func LastEventID(r *http.Request) string { return r.Header.Get("Last-Event-ID") }

// Done is closed when the client has left.
func (s *EventStream) Done() <-chan struct{} { return s.ctx.Done() }

// Send sends an event. An error means that the client has left, or that the event cannot
// be sent: its name or id has a line break, which would make another event of it.
func (s *EventStream) Send(e Event) error {
	if strings.ContainsAny(e.Name, "\r\n") || strings.ContainsAny(e.ID, "\r\n\x00") {
		return errors.New("the name or the id of an event has a line break")
	}
	var b strings.Builder
	if e.Name != "" {
		b.WriteString("event: " + e.Name + "\n")
	}
	if e.ID != "" {
		b.WriteString("id: " + e.ID + "\n")
	}
	if e.Retry > 0 {
		b.WriteString("retry: " + strconv.FormatInt(e.Retry.Milliseconds(), 10) + "\n")
	}
	for line := range strings.SplitSeq(lineBreaks.Replace(e.Data), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	return s.write(b.String() + "\n")
}

// lineBreaks are what ends a line of an event stream.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n")

func (s *EventStream) write(text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return ErrStreamClosed
	}
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.controller.Flush()
}

func (s *EventStream) beat() {
	for {
		select {
		case <-time.After(heartbeat):
			if s.write(":\n\n") != nil {
				return
			}
		case <-s.stop:
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// Close ends the stream.
func (s *EventStream) Close() error {
	s.mu.Lock()
	open := s.w != nil
	s.w = nil
	s.mu.Unlock()
	if open {
		close(s.stop)
		s.beats.Wait()
	}
	return nil
}
