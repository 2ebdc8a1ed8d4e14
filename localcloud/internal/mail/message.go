package mail

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// Address is one of a Draft: text, or a name with an address.
type Address struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// UnmarshalJSON reads either form.
func (a *Address) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		parsed, err := mail.ParseAddress(text)
		if err != nil {
			return fmt.Errorf("%q is not an email address", text)
		}
		a.Name, a.Email = parsed.Name, parsed.Address
		return nil
	}
	type plain Address
	if err := json.Unmarshal(b, (*plain)(a)); err != nil {
		return errors.New("an address is text, or an object with name and email")
	}
	if parsed, err := mail.ParseAddress(a.Email); err != nil || parsed.Address != a.Email {
		return fmt.Errorf("%q is not an email address", a.Email)
	}
	return nil
}

func (a Address) String() string { return (&mail.Address{Name: a.Name, Address: a.Email}).String() }

// Draft is a message that a Worker gives in parts.
type Draft struct {
	From        *Address          `json:"from"`
	To          []Address         `json:"to"`
	Cc          []Address         `json:"cc"`
	Bcc         []Address         `json:"bcc"`
	ReplyTo     *Address          `json:"replyTo"`
	Subject     string            `json:"subject"`
	Text        string            `json:"text"`
	HTML        string            `json:"html"`
	Headers     map[string]string `json:"headers"`
	Attachments []Attachment      `json:"attachments"`
}

// Attachment is a file of a Draft; its content is in base64.
type Attachment struct {
	Filename    string `json:"filename"`
	Type        string `json:"type"`
	Disposition string `json:"disposition"`
	ContentID   string `json:"contentId"`
	Content     []byte `json:"content"`
}

// Recipients are the addresses of the envelope.
func (d Draft) Recipients() []string {
	var all []string
	for _, a := range slices.Concat(d.To, d.Cc, d.Bcc) {
		all = append(all, a.Email)
	}
	return all
}

// check says what a draft lacks.
func (d Draft) check() error {
	switch {
	case d.From == nil:
		return errors.New("the email has no `from`")
	case len(d.To) == 0:
		return errors.New("the email has no `to`")
	case d.Subject == "":
		return errors.New("the email has no `subject`")
	case d.Text == "" && d.HTML == "":
		return errors.New("the email has neither `text` nor `html`")
	case len(d.Recipients()) > 50:
		return fmt.Errorf("the email has %d recipients, more than 50", len(d.Recipients()))
	}
	for name, value := range d.Headers {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' }) || strings.ContainsAny(value, "\r\n") {
			return fmt.Errorf("%q is not a header", name)
		}
	}
	return nil
}

// Raw is the message as it would be sent, with the id that it has.
func (d Draft) Raw(id string, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	list := func(all []Address) string {
		var text []string
		for _, a := range all {
			text = append(text, a.String())
		}
		return strings.Join(text, ", ")
	}
	header("From", d.From.String())
	header("To", list(d.To))
	header("Cc", list(d.Cc))
	if d.ReplyTo != nil {
		header("Reply-To", d.ReplyTo.String())
	}
	header("Subject", mime.QEncoding.Encode("utf-8", d.Subject))
	header("Message-ID", id)
	header("Date", at.Format(time.RFC1123Z))
	for _, name := range slices.Sorted(maps.Keys(d.Headers)) {
		header(name, mime.QEncoding.Encode("utf-8", d.Headers[name]))
	}
	header("MIME-Version", "1.0")
	mixed := multipart.NewWriter(&b)
	header("Content-Type", "multipart/mixed; boundary="+mixed.Boundary())
	b.WriteString("\r\n")
	err := d.body(mixed)
	for _, a := range d.Attachments {
		err = errors.Join(err, a.write(mixed))
	}
	err = errors.Join(err, mixed.Close())
	return b.Bytes(), err
}

// body writes the text, the HTML, or both as alternatives.
func (d Draft) body(mixed *multipart.Writer) error {
	var inner bytes.Buffer
	both := multipart.NewWriter(&inner)
	part, err := mixed.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/alternative; boundary=" + both.Boundary()}})
	if err != nil {
		return err
	}
	for _, one := range []struct{ kind, text string }{{"text/plain", d.Text}, {"text/html", d.HTML}} {
		if one.text == "" {
			continue
		}
		p, err := both.CreatePart(textproto.MIMEHeader{"Content-Type": {one.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
		if err != nil {
			return err
		}
		q := quotedprintable.NewWriter(p)
		_, err = io.WriteString(q, one.text)
		if err = errors.Join(err, q.Close()); err != nil {
			return err
		}
	}
	if err := both.Close(); err != nil {
		return err
	}
	_, err = part.Write(inner.Bytes())
	return err
}

func (a Attachment) write(mixed *multipart.Writer) error {
	kind, disposition := a.Type, a.Disposition
	if _, _, err := mime.ParseMediaType(kind); err != nil {
		kind = "application/octet-stream"
	}
	if disposition != "inline" {
		disposition = "attachment"
	}
	h := textproto.MIMEHeader{
		"Content-Type": {kind}, "Content-Transfer-Encoding": {"base64"},
		"Content-Disposition": {mime.FormatMediaType(disposition, map[string]string{"filename": a.Filename})},
	}
	if a.ContentID != "" && !strings.ContainsAny(a.ContentID, "\r\n<>") {
		h.Set("Content-ID", "<"+a.ContentID+">")
	}
	p, err := mixed.CreatePart(h)
	if err != nil {
		return err
	}
	for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(a.Content)), 76) {
		if _, err := p.Write(append(line, '\r', '\n')); err != nil {
			return err
		}
	}
	return nil
}

// checkRaw refuses what Cloudflare refuses of a raw message that a Worker sends.
func checkRaw(raw []byte, from string) (mail.Header, error) {
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("the email has %d bytes, more than %d", len(raw), MaxSize)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("could not parse email: %w", err)
	}
	if m.Header.Get("Message-Id") == "" {
		return nil, errors.New("invalid message-id")
	}
	sender, err := m.Header.AddressList("From")
	if err != nil || len(sender) != 1 || sender[0].Address != from {
		return nil, errors.New("From: header does not match mail from")
	}
	if m.Header.Get("Received") != "" {
		return nil, errors.New("invalid headers set")
	}
	return m.Header, nil
}
