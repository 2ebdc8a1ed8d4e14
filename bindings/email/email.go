// Package email is the binding that sends email.
//
//	var mail = email.Open("MAIL")
//
//	id, err := mail.Send(ctx, email.Message{
//		From: email.Address{Email: "shop@example.com", Name: "Shop"}, To: []string{"ada@example.com"},
//		Subject: "Your order", Text: "It is on its way.",
//	})
//
// In the local cloud and natively email goes into a mailbox on this machine.
package email

import (
	"context"
	"encoding/base64"

	"github.com/tamylaa/clodo/bindings/internal/wire"
)

// Error is why an email was not sent, in the binding's own words.
type Error = wire.Error

// Sender sends email. It holds nothing of a request and serves all of them.
type Sender struct{ binding string }

// Open is the sender that the binding of that name is for. Whether there is one shows
// when it is used.
func Open(binding string) *Sender { return &Sender{binding} }

// Address is an email address with a name.
type Address struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

// Message is an email. It has a Text, an HTML or both.
type Message struct {
	From        Address
	ReplyTo     Address // zero: none
	To, CC, BCC []string
	Subject     string
	Text, HTML  string
	Headers     map[string]string
	Attachments []Attachment
}

// Attachment is a file of an email.
type Attachment struct {
	Filename string
	Type     string // such as application/pdf
	Content  []byte
	ID       string // by which the HTML refers to it as cid:ID; "" for a plain attachment
}

// message is a Message as it is sent.
type message struct {
	From        Address           `json:"from"`
	ReplyTo     *Address          `json:"replyTo,omitempty"`
	To          []string          `json:"to"`
	CC          []string          `json:"cc,omitempty"`
	BCC         []string          `json:"bcc,omitempty"`
	Subject     string            `json:"subject"`
	Text        string            `json:"text,omitempty"`
	HTML        string            `json:"html,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Attachments []attachment      `json:"attachments,omitempty"`
}

type attachment struct {
	Filename    string `json:"filename"`
	Type        string `json:"type"`
	Content     string `json:"content"` // in base64
	Disposition string `json:"disposition"`
	ID          string `json:"contentId,omitempty"`
}

// Send sends an email and returns its Message-ID.
func (s *Sender) Send(ctx context.Context, m Message) (id string, err error) {
	sent := message{
		From: m.From, To: m.To, CC: m.CC, BCC: m.BCC, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Headers: m.Headers,
	}
	if m.ReplyTo != (Address{}) {
		sent.ReplyTo = &m.ReplyTo
	}
	for _, a := range m.Attachments {
		disposition := "attachment"
		if a.ID != "" {
			disposition = "inline"
		}
		sent.Attachments = append(sent.Attachments, attachment{a.Filename, a.Type, base64.StdEncoding.EncodeToString(a.Content), disposition, a.ID})
	}
	return s.answer("send", func(into any) error { return wire.JSON(ctx, kind, s.binding, "draft", sent, into) })
}

// SendRaw sends an email as it is, with its header, in the form of RFC 5322, from and to
// the addresses of the envelope.
func (s *Sender) SendRaw(ctx context.Context, from, to string, raw []byte) (id string, err error) {
	return s.answer("send", func(into any) error { return s.raw(ctx, from, to, raw, into) })
}

const kind = "email"

// answer reads what became of an email.
func (s *Sender) answer(op string, ask func(into any) error) (string, error) {
	var outcome struct {
		MessageID string `json:"messageId"`
		Error     string
	}
	if err := ask(&outcome); err != nil {
		return "", err
	}
	if outcome.Error != "" {
		return "", &Error{Kind: kind, Binding: s.binding, Op: op, Message: outcome.Error}
	}
	return outcome.MessageID, nil
}
