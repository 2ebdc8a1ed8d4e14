package clodo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/host"
)

// Email is a message that arrived. What the handler neither forwards, rejects nor
// replies to is dropped.
type Email struct {
	From, To string               // of the envelope
	Header   textproto.MIMEHeader // of the message
	Raw      io.Reader            // the whole message, header included
	Size     int64                // of Raw in bytes; -1 when it is unknown

	out *outcome
}

type forwarded struct {
	To      string               `json:"to"`
	Headers textproto.MIMEHeader `json:"headers,omitempty"`
}

type replied struct {
	From string `json:"from"`
	To   string `json:"to"`
	Raw  string `json:"raw"`
}

// Forward sends the message on to a verified address. Headers may be nil; their names
// begin with X-.
func (e *Email) Forward(ctx context.Context, to string, headers textproto.MIMEHeader) error {
	f := forwarded{To: to, Headers: headers}
	if err := host.Act(ctx, "forward", f); err != nil {
		return fmt.Errorf("forwarding the message to %s: %w", to, err)
	}
	e.out.Forwarded = append(e.out.Forwarded, f)
	return nil
}

// Reply answers the sender with a message, header included, whose In-Reply-To is the
// Message-ID of this one. What of it is not UTF-8 has to be encoded, by quoted-printable
// or base64: other bytes are an error, and nothing is sent.
func (e *Email) Reply(ctx context.Context, from, to string, raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("replying to the message: the reply is not UTF-8, and a part of it that is not has to be encoded")
	}
	r := replied{From: from, To: to, Raw: string(raw)}
	if err := host.Act(ctx, "reply", r); err != nil {
		return fmt.Errorf("replying to the message: %w", err)
	}
	e.out.Replied = append(e.out.Replied, r)
	return nil
}

// Reject has the message refused, with a reason that its sender gets. The first call
// counts.
func (e *Email) Reject(reason string) {
	if e.out.Rejected == "" {
		e.out.Rejected = reason
	}
}

// EmailHandler deals with a message.
type EmailHandler = func(context.Context, *Email) error

// Email registers the handler of messages that arrive. It panics when there is one
// already.
func (a *App) Email(h EmailHandler) {
	host.HandlesEmail()
	if a.email != nil {
		panic("clodo: two handlers for emails")
	}
	a.email = h
	a.events["email"] = a.serveEmail
}

func (a *App) serveEmail(_ http.ResponseWriter, r *http.Request, out *outcome) error {
	// The header is read, and read again as part of the whole.
	var begun bytes.Buffer
	header, err := textproto.NewReader(bufio.NewReader(io.TeeReader(r.Body, &begun))).ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "invalid_message", "The message's header cannot be read: "+err.Error()+".")
	}
	e := &Email{
		From: r.URL.Query().Get("from"), To: r.URL.Query().Get("to"), Header: header,
		Raw: io.MultiReader(&begun, r.Body), Size: r.ContentLength, out: out,
	}
	return guarded(r.Context(), func() error { return a.email(r.Context(), e) })
}
