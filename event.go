package clodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// EventPath begins the paths of [App.ServeEvent].
const EventPath = "/cdn-cgi/handler/"

// maxEvent is how long the description of an event may be: a batch has up to 100
// messages of 128 KB, in base64.
const maxEvent = 32 << 20

// outcome is what became of an event. Ack and Retry are of a batch, the rest of an
// email.
type outcome struct {
	Error     string      `json:"error,omitempty"`
	Ack       []string    `json:"ack,omitempty"` // ids of messages
	Retry     []retry     `json:"retry,omitempty"`
	Rejected  string      `json:"rejected,omitempty"`
	Forwarded []forwarded `json:"forwarded,omitempty"`
	Replied   []replied   `json:"replied,omitempty"`
}

// ServeEvent has the service handle an event that is no request, described by one:
//
//	POST /cdn-cgi/handler/scheduled?cron=*/5+*+*+*+*&time=1764344400000
//	POST /cdn-cgi/handler/queue?queue=orders
//	     [{"id": "1", "timestamp": 1764344400000, "attempts": 1, "text": "…"}]
//	POST /cdn-cgi/handler/email?from=a@example.com&to=b@example.com
//	     the message as it was sent
//
// Times are in milliseconds since 1970; a message with a binary body has "bytes", in
// base64, instead of "text". The answer is 200, or 500 when the handler failed, with
// what became of the event in JSON: the ids of messages under "ack", {"id", "delaySeconds"}
// of others under "retry"; for an email "rejected" with the reason, "forwarded" and
// "replied". It is 404 when the service has no handler for it.
//
// On Workers events come this way by themselves. Natively [App.Serve] takes them at
// these paths from whoever sends the key CLODO_BINDINGS_KEY as header Clodo-Key; tests
// call ServeEvent itself.
func (a *App) ServeEvent(w http.ResponseWriter, r *http.Request) {
	var out outcome
	var err error
	switch kind := strings.TrimPrefix(r.URL.Path, EventPath); kind {
	case "scheduled", "queue", "email":
		if serve := a.events[kind]; serve != nil {
			err = serve(w, r, &out)
		} else {
			err = noHandler("events of the kind %q", kind)
		}
	default:
		err = refuse(http.StatusNotFound, "not_found", "There is no such kind of event.")
	}
	var refused *refusedEvent
	if errors.As(err, &refused) {
		WriteError(w, r, &refused.Problem)
		return
	}
	status := http.StatusOK
	if err != nil {
		out.Error, status = err.Error(), http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // whoever asked may be gone
}

// eventServer has the handlers of one kind of events deal with one. It is set with the
// first of them, so that the programs of services that have none of the kind do not
// contain what reads such an event.
type eventServer func(http.ResponseWriter, *http.Request, *outcome) error

// guarded is what a handler does, with its panic as an error: what it said of the event
// before, such as an Ack, holds.
func guarded(ctx context.Context, handle func() error) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			slog.ErrorContext(ctx, "the handler of an event panicked", "panic", fmt.Sprint(caught), "stack", string(debug.Stack()))
			host.Spoil(ctx)
			err = fmt.Errorf("the handler panicked: %v", caught)
		}
	}()
	return handle()
}

// refusedEvent is an event that no handler got.
type refusedEvent struct{ Problem }

func refuse(status int, code, detail string) error {
	return &refusedEvent{Problem{Status: status, Code: code, Detail: detail}}
}

func noHandler(format string, a ...any) error {
	return refuse(http.StatusNotFound, "no_handler", "The service has no handler for "+fmt.Sprintf(format, a...)+".")
}

// milliseconds is a time as JavaScript has it.
func milliseconds(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, refuse(http.StatusBadRequest, "invalid_time", "The time is no number of milliseconds.")
	}
	return time.UnixMilli(n).UTC(), nil
}
