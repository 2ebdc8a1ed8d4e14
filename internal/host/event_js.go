package host

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
)

// OnWorkers tells where the program runs.
const OnWorkers = true

// A program that imports one of these handles such events: the shim exports handlers
// of the kinds that it finds among the imports, and the linker keeps those imports that
// are called. They do nothing.
//
//go:wasmimport clodo handles_scheduled
func handlesScheduled()

//go:wasmimport clodo handles_queue
func handlesQueue()

//go:wasmimport clodo handles_email
func handlesEmail()

// HandlesScheduled is called by a program that handles cron triggers.
func HandlesScheduled() { handlesScheduled() }

// HandlesQueue is called by one that handles batches of queues.
func HandlesQueue() { handlesQueue() }

// HandlesEmail is called by one that handles emails.
func HandlesEmail() { handlesEmail() }

// Act does something with the event that the instance has, such as forwarding an email,
// by the operation of that name in shim/bindings/event.js.
func Act(ctx context.Context, op string, args any) error {
	b, err := json.Marshal(args)
	if err != nil {
		return err
	}
	_, err = Call(ctx, "event", "", op, b, nil)
	return err
}

// HasBinding reports that the Worker has something of that name that is no text.
func HasBinding(name string) bool { return slices.Contains(program.bindings, name) }

// Bound reports why bindings cannot be used.
func Bound() error { return nil }

//go:wasmexport clodo_event
func event(n int32) { program.request(program.text(n), program.events) }

// orNotFound is h, or the handler of a program that handles no events.
func orNotFound(h http.Handler) http.Handler {
	if h == nil {
		return http.NotFoundHandler()
	}
	return h
}
