package clodotest

import (
	"context"
	"errors"
	"net/url"

	"github.com/tamylaa/clodo/localcloud"
)

// Email is one that the service sent, with its Raw text, or handled.
type Email = localcloud.SentEmail

// SentEmails are those that the service has sent by its bindings, the first first.
func (a *App) SentEmails() []Email {
	a.t.Helper()
	all, err := a.events.emails()
	if err != nil {
		a.t.Fatalf("clodotest: the emails that were sent: %v", err)
	}
	return all
}

// Queued are the bodies of the messages that the service has sent to a queue, the first
// first; those with a delay are not there yet. They stay: [App.Deliver] is for the other
// end.
func (a *App) Queued(queue string) [][]byte {
	a.t.Helper()
	all, err := a.events.queued(queue)
	if err != nil {
		a.t.Fatalf("clodotest: the messages in %s: %v", queue, err)
	}
	bodies := make([][]byte, len(all))
	for i, m := range all {
		bodies[i] = m.Body
	}
	return bodies
}

// Received is what the service did with an email.
type Received struct {
	Rejected  string   // the reason; "" when it did not reject it
	Forwarded []string // addresses
	Replied   [][]byte // messages
	Err       error    // of the handler
}

// Receive hands an email to the service's handler: from and to are the envelope, raw is
// the message with its header, which has a Message-ID.
func (a *App) Receive(from, to string, raw []byte) Received {
	a.t.Helper()
	return a.events.receive(a.t.Context(), from, to, raw)
}

func (n nativeEvents) emails() ([]Email, error) { return n.data.SentEmails(n.script) }

func (n nativeEvents) queued(queue string) ([]localcloud.QueueMessage, error) {
	return n.data.Queued(queue)
}

func (n nativeEvents) receive(ctx context.Context, from, to string, raw []byte) (r Received) {
	answer, err := n.ask(ctx, "email", url.Values{"from": {from}, "to": {to}}, raw)
	if err != nil {
		return Received{Err: err}
	}
	if answer.Error != "" {
		r.Err = errors.New(answer.Error)
	}
	r.Rejected = answer.Rejected
	for _, f := range answer.Forwarded {
		r.Forwarded = append(r.Forwarded, f.To)
	}
	for _, reply := range answer.Replied {
		r.Replied = append(r.Replied, []byte(reply.Raw))
	}
	return r
}

func (w workerdEvents) emails() ([]Email, error) { return w.cloud.SentEmails(w.script) }

func (w workerdEvents) queued(queue string) ([]localcloud.QueueMessage, error) {
	return w.cloud.Queued(queue)
}

func (w workerdEvents) receive(ctx context.Context, from, to string, raw []byte) Received {
	got, err := w.cloud.ReceiveEmail(ctx, w.script, from, to, raw)
	r := Received{Rejected: got.Rejected, Err: err}
	for _, f := range got.Forwarded {
		r.Forwarded = append(r.Forwarded, f.To...)
	}
	for _, reply := range got.Replied {
		r.Replied = append(r.Replied, reply.Raw)
	}
	return r
}
