package localcloud

import (
	"context"
	"fmt"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/mail"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
)

// What Workers and programs have sent, for whoever tests them.

// most is how much of it is looked at.
const most = 1000

// SentEmail is one that was sent, forwarded or replied.
type SentEmail struct {
	From    string   // of the envelope
	To      []string // of the envelope
	Subject string
	Raw     []byte // as RFC 5322 has it
}

// sentEmails are those of a script, the first first, of one of the kinds. of is the
// received email that they are about, "" is none.
func sentEmails(box *mail.Mailbox, account, script, of string, kinds ...string) ([]SentEmail, error) {
	all, err := box.List(most)
	if err != nil {
		return nil, err
	}
	var sent []SentEmail
	for _, m := range slices.Backward(all) {
		if m.Account != account || m.Script != script || m.Of != of || !slices.Contains(kinds, m.Kind) {
			continue
		}
		_, raw, err := box.Get(m.ID)
		if err != nil {
			return nil, err
		}
		sent = append(sent, SentEmail{m.From, m.To, m.Subject, raw})
	}
	return sent, nil
}

func queued(all []queue.Delivered) []QueueMessage {
	out := make([]QueueMessage, len(all))
	for i, m := range all {
		out[i] = QueueMessage{ID: m.ID, Text: m.Format == queue.Text || m.Format == queue.JSON, Body: m.Body}
	}
	return out
}

// SentEmails are those that a Worker has sent by its bindings, the first first.
func (d *Data) SentEmails(script string) ([]SentEmail, error) {
	box, err := storeOf[*mail.Mailbox](d, "mail")
	if err != nil {
		return nil, err
	}
	return sentEmails(box, programAccount, script, "", mail.Sent)
}

// Queued is what is in a queue and could be delivered now, the first first.
func (d *Data) Queued(name string) ([]QueueMessage, error) {
	if _, err := d.resource("queue"); err != nil {
		return nil, err
	}
	all, err := d.broker.Waiting(programAccount, name, most)
	return queued(all), err
}

// SentEmails are those that a Worker of the first account has sent by its bindings, the
// first first.
func (c *Cloud) SentEmails(script string) ([]SentEmail, error) {
	return sentEmails(c.storage.mails, c.Info().AccountID, script, "", mail.Sent)
}

// Queued is what is in a queue of the first account and could be delivered now, the first
// first.
func (c *Cloud) Queued(name string) ([]QueueMessage, error) {
	all, err := c.storage.queues.Waiting(c.Info().AccountID, name, most)
	return queued(all), err
}

// ReceivedEmail is what an email handler did.
type ReceivedEmail struct {
	Rejected           string // the reason; "" when it did not reject
	Forwarded, Replied []SentEmail
}

// ReceiveEmail gives an email to the handler of a Worker of the first account. The error
// is the handler's, or says that there is none.
func (c *Cloud) ReceiveEmail(ctx context.Context, script, from, to string, raw []byte) (r ReceivedEmail, err error) {
	account := c.Info().AccountID
	m, err := c.receive(ctx, account, script, from, to, raw)
	if err != nil {
		return r, err
	}
	if m.Outcome != "ok" && m.Outcome != "rejected" {
		return r, fmt.Errorf("the handler ended with %s", m.Outcome)
	}
	r.Rejected = m.Reason
	if r.Forwarded, err = sentEmails(c.storage.mails, account, script, m.ID, mail.Forwarded); err != nil {
		return r, err
	}
	r.Replied, err = sentEmails(c.storage.mails, account, script, m.ID, mail.Replied)
	return r, err
}
