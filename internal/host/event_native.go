//go:build !js

package host

import (
	"context"
	"crypto/subtle"
	"net/http"
	"os"
	"strings"
)

// OnWorkers tells where the program runs.
const OnWorkers = false

// HandlesScheduled is called by a program that handles cron triggers.
func HandlesScheduled() {}

// HandlesQueue is called by one that handles batches of queues.
func HandlesQueue() {}

// HandlesEmail is called by one that handles emails.
func HandlesEmail() {}

// Act does nothing natively: whoever sent the event learns from the answer what was
// asked for.
func Act(context.Context, string, any) error { return nil }

// Spoil does nothing natively: a panic that was caught costs its request alone.
func Spoil(context.Context) {}

// HasBinding is true natively: what there is shows when it is used.
func HasBinding(string) bool { return true }

// Bound reports why bindings cannot be used.
func Bound() error {
	if os.Getenv(BindingsVariable) == "" {
		return errNoBindings
	}
	return nil
}

// eventPath begins the paths of events.
const eventPath = "/cdn-cgi/handler/"

// withEvents sends the events of whoever has the key to their handler, and everything
// else to h. Without a key, or with another, there is no such path.
func withEvents(h, events http.Handler) http.Handler {
	key := os.Getenv(BindingsKeyVariable)
	if key == "" || events == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, eventPath) && subtle.ConstantTimeCompare([]byte(r.Header.Get(KeyHeader)), []byte(key)) == 1 {
			events.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}
