package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// Event is one invocation of a Worker, told when it is over.
type Event struct {
	Time       time.Time        `json:"time"`
	AccountID  string           `json:"account_id"`
	Script     string           `json:"script"`
	Trigger    string           `json:"trigger"` // fetch, scheduled, queue, email, alarm, rpc, …
	Outcome    string           `json:"outcome"` // Cloudflare's: ok, exception, canceled, …
	Method     string           `json:"method,omitempty"`
	URL        string           `json:"url,omitempty"` // what looks like a secret in it is REDACTED
	Status     int              `json:"status,omitempty"`
	UserAgent  string           `json:"user_agent,omitempty"`
	Took       time.Duration    `json:"took"` // nanoseconds; negative when not known
	Logs       []EventLog       `json:"logs,omitempty"`
	Exceptions []EventException `json:"exceptions,omitempty"`
	// Missed is how many events were left out before this one, because they came faster
	// than they were read.
	Missed int `json:"missed,omitempty"`
}

// EventLog is one call of the console.
type EventLog struct {
	Level string `json:"level"` // debug, info, log, warn, error
	Text  string `json:"text"`
}

// EventException is an error that nobody caught.
type EventException struct {
	Name    string `json:"name"`
	Message string `json:"message"`
	Stack   string `json:"stack,omitempty"`
}

func eventOf(r traffic.Record, missed int) Event {
	e := Event{
		Time: r.Time, AccountID: r.Account, Script: r.Script, Trigger: r.Trigger, Outcome: r.Outcome,
		Method: r.Method, URL: r.URL, Status: r.Status, UserAgent: r.Headers()["user-agent"], Took: r.Duration, Missed: missed,
	}
	if e.Took < 0 {
		e.Took = r.Wall
	}
	for _, l := range r.Detail.Logs {
		e.Logs = append(e.Logs, EventLog{l.Level, l.Text()})
	}
	for _, x := range r.Detail.Exceptions {
		e.Exceptions = append(e.Exceptions, EventException{x.Name, x.Message, x.Stack})
	}
	return e
}

// heartbeat is how often a stream of events says that it is alive: by an empty line.
const heartbeat = 15 * time.Second

// streamEvents answers with the events of all Workers, a line of JSON each, until the
// client leaves.
func (c *Cloud) streamEvents(w http.ResponseWriter, r *http.Request) {
	sub := c.storage.traffic.Subscribe(nil)
	defer sub.Close()
	w.Header().Set(api.Header, "1")
	w.Header().Set("Content-Type", "application/x-ndjson")
	rc, out := http.NewResponseController(w), json.NewEncoder(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for err := rc.Flush(); err == nil; err = rc.Flush() {
		select {
		case <-r.Context().Done():
			return
		case <-c.stop:
			return
		case <-beat.C:
			_, err = io.WriteString(w, "\n")
		case record, ok := <-sub.Records:
			if !ok {
				return
			}
			err = out.Encode(eventOf(record, sub.Missed()))
		}
		if err != nil {
			return // the client is gone
		}
	}
}

// Follow calls each for every invocation of a Worker of the running cloud that info
// describes. It returns when ctx ends, with nil, or when the cloud does.
func Follow(ctx context.Context, info Info, each func(Event)) error {
	req, err := controlRequest(ctx, info.API, info.APIToken, http.MethodGet, "/local/events", nil)
	if err != nil {
		return err
	}
	transport := directTransport()
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
		err = followed(res, each)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("following what the local cloud does: %w", err)
}

func followed(res *http.Response, each func(Event)) error {
	if res.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
		return errors.Join(fmt.Errorf("it answered %s: %s", res.Status, strings.TrimSpace(string(text))), err)
	}
	in := json.NewDecoder(res.Body)
	for {
		var e Event
		if err := in.Decode(&e); err != nil {
			return err
		}
		each(e)
	}
}
