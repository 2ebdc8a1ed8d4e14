// Package traffic keeps what happened in the local cloud: every invocation of a
// Worker with its outcome, logs and exceptions, and every request that reached the
// data port. It is written asynchronously, so that no request waits for it; what is
// lost on the way is counted, see [Store.Stats].
package traffic

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// Record is one invocation of a Worker, or one request that assets answered before
// any code ran.
type Record struct {
	ID         int64 // grows in the order in which invocations became known
	Account    string
	Script     string
	Version    string
	Entrypoint string // "" is the default one
	Trigger    string // one of the constants below
	Time       time.Time
	Outcome    string // Cloudflare's: ok, exception, canceled, exceededCpu, …; unknown
	Method     string // of an HTTP request
	URL        string // of an HTTP request; what looks like a secret is REDACTED
	Status     int    // of the HTTP answer; 0 when there was none
	Ray        string

	// Negative when not known. Wall is the time until everything had ended, also what
	// waitUntil kept going; Duration until the answer had been sent; Bytes is the size
	// of its body. workerd knows no CPU time so far.
	Wall, Duration, CPU time.Duration
	Bytes               int64

	Detail Detail
}

// The kinds of triggers.
const (
	Fetch     = "fetch"
	Scheduled = "scheduled"
	Queue     = "queue"
	Alarm     = "alarm"
	RPC       = "rpc"
	Email     = "email"
	Tail      = "tail"
	WebSocket = "websocket" // an event of a WebSocket that a durable object hibernates with
	Assets    = "assets"    // a request that no code saw
	Unknown   = "unknown"
)

// Detail is what a record has beside its figures.
type Detail struct {
	// Event is what workerd says of the trigger, in the form that tail Workers get.
	Event       json.RawMessage `json:"event,omitempty"`
	Logs        []Log           `json:"logs,omitempty"`
	Exceptions  []Exception     `json:"exceptions,omitempty"`
	Diagnostics json.RawMessage `json:"diagnostics,omitempty"`
	ObjectID    string          `json:"object,omitempty"` // of a durable object
	Model       string          `json:"model,omitempty"`  // stateless, durableObject, …
	Truncated   bool            `json:"truncated,omitempty"`
	ClientIP    string          `json:"ip,omitempty"`
	// Traced says that workerd told about the invocation. It did not when the process
	// died, and Outcome is then unknown unless somebody knows who ended it.
	Traced bool `json:"traced,omitempty"`
}

// Log is one call of the console. Message are its arguments as JSON; Timestamp is
// in milliseconds, by the machine's clock.
type Log struct {
	Level     string          `json:"level"`
	Message   json.RawMessage `json:"message"`
	Timestamp float64         `json:"timestamp"`
}

// Exception is an error that nobody caught.
type Exception struct {
	Name      string  `json:"name"`
	Message   string  `json:"message"`
	Stack     string  `json:"stack,omitempty"`
	Timestamp float64 `json:"timestamp"`
}

// Text is what was logged, as a console shows it: strings as they are, all else as
// JSON.
func (l Log) Text() string {
	var parts []json.RawMessage
	if json.Unmarshal(l.Message, &parts) != nil {
		return string(l.Message)
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		if json.Unmarshal(p, &words[i]) != nil {
			words[i] = string(p)
		}
	}
	return strings.Join(words, " ")
}

// Headers are those of an HTTP request by their names in lower case; secrets are
// REDACTED.
func (r Record) Headers() map[string]string {
	var e event
	if json.Unmarshal(r.Detail.Event, &e) != nil || e.Request == nil {
		return nil
	}
	return e.Request.Headers
}

// TailEvent is the record as tail Workers and `wrangler tail` get it. CPU time is
// left out while it is not known.
func (r Record) TailEvent() ([]byte, error) {
	type version struct {
		ID string `json:"id"`
	}
	out := struct {
		Wall        *int64          `json:"wallTime,omitempty"`
		CPU         *int64          `json:"cpuTime,omitempty"`
		Truncated   bool            `json:"truncated"`
		Model       string          `json:"executionModel,omitempty"`
		Outcome     string          `json:"outcome"`
		Script      string          `json:"scriptName"`
		Version     version         `json:"scriptVersion"`
		Entrypoint  string          `json:"entrypoint,omitempty"`
		ObjectID    string          `json:"durableObjectId,omitempty"`
		Diagnostics json.RawMessage `json:"diagnosticsChannelEvents"`
		Exceptions  []Exception     `json:"exceptions"`
		Logs        []Log           `json:"logs"`
		Timestamp   int64           `json:"eventTimestamp"`
		Event       json.RawMessage `json:"event"`
	}{
		Wall: milliseconds(r.Wall), CPU: milliseconds(r.CPU), Truncated: r.Detail.Truncated, Model: r.Detail.Model, Outcome: r.Outcome,
		Script: r.Script, Version: version{r.Version}, Entrypoint: r.Entrypoint, ObjectID: r.Detail.ObjectID,
		Diagnostics: r.Detail.Diagnostics, Exceptions: r.Detail.Exceptions, Logs: r.Detail.Logs,
		Timestamp: r.Time.UnixMilli(), Event: r.event(),
	}
	if out.Diagnostics == nil {
		out.Diagnostics = json.RawMessage("[]")
	}
	if out.Exceptions == nil {
		out.Exceptions = []Exception{}
	}
	if out.Logs == nil {
		out.Logs = []Log{}
	}
	if out.Event == nil {
		out.Event = json.RawMessage("null")
	}
	return json.Marshal(out)
}

// event is Detail.Event with the request.cf of the data port, which is the same for
// all and therefore not kept.
func (r Record) event() json.RawMessage {
	var whole, request map[string]json.RawMessage
	if r.Duration < 0 || json.Unmarshal(r.Detail.Event, &whole) != nil || json.Unmarshal(whole["request"], &request) != nil {
		return r.Detail.Event
	}
	request["cf"] = json.RawMessage(runtime.CF)
	b, err := json.Marshal(request)
	if err != nil {
		return r.Detail.Event
	}
	whole["request"] = b
	if b, err = json.Marshal(whole); err != nil {
		return r.Detail.Event
	}
	return b
}

// milliseconds are whole ones, as Cloudflare's are: programs read them as integers.
func milliseconds(d time.Duration) *int64 {
	if d < 0 {
		return nil
	}
	ms := d.Round(time.Millisecond).Milliseconds()
	return &ms
}
