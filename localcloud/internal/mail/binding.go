package mail

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
)

// Binding answers the module behind send_email bindings, and the dispatcher for what an
// email handler does with its message. id is ACCOUNT/SCRIPT of the Worker that sends, or
// "" for the dispatcher.
func (b *Mailbox) Binding(w http.ResponseWriter, r *http.Request, id string) {
	result, err := b.answer(r, id)
	if err != nil {
		b.log.Debug("an email was refused", "error", err)
		result = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(result) // the Worker went away
}

func (b *Mailbox) answer(r *http.Request, id string) (map[string]string, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 2*MaxSize+1)) // a draft is in base64
	if err != nil {
		return nil, errors.New("the email broke off")
	}
	if len(body) > 2*MaxSize {
		return nil, fmt.Errorf("the email is larger than %d bytes", MaxSize)
	}
	account, script, _ := strings.Cut(id, "/")
	m := Mail{Kind: Sent, Account: account, Script: script}
	q := r.URL.Query()
	switch {
	case id != "" && r.URL.Path == "/draft":
		return b.draft(m, body)
	case id != "" && r.URL.Path == "/raw":
		m.From, m.To = q.Get("from"), []string{q.Get("to")}
		return b.raw(m, body)
	case id != "":
		return nil, errors.New("that is no way to send an email")
	}
	of, original, err := b.Get(q.Get("of"))
	if err != nil {
		return nil, err
	}
	m = Mail{Account: of.Account, Script: of.Script, Of: of.ID}
	switch r.URL.Path {
	case "/reject":
		of.Reason = string(body)
		return map[string]string{}, b.put(of, original)
	case "/forward":
		m.Kind, m.From, m.To = Forwarded, of.From, []string{q.Get("to")}
		return b.forward(m, original, body)
	case "/reply":
		m.Kind, m.From, m.To = Replied, q.Get("from"), []string{of.From}
		return b.reply(m, of, original, body)
	}
	return nil, errors.New("that is nothing to do with an email")
}

// draft sends a message that is given in parts.
func (b *Mailbox) draft(m Mail, body []byte) (map[string]string, error) {
	var d Draft
	if err := json.Unmarshal(body, &d); err != nil {
		return nil, fmt.Errorf("the email is not what was expected: %w", err)
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(d.From.Email, "@")
	id := "<" + newID() + "@" + domain + ">"
	raw, err := d.Raw(id, b.clock.Now())
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxSize {
		return nil, fmt.Errorf("the email has %d bytes, more than %d", len(raw), MaxSize)
	}
	m.From, m.To = d.From.Email, d.Recipients()
	_, err = b.Add(m, raw)
	return map[string]string{"messageId": id}, err
}

// raw sends a message that is given as it is.
func (b *Mailbox) raw(m Mail, raw []byte) (map[string]string, error) {
	header, err := checkRaw(raw, m.From)
	if err != nil {
		return nil, err
	}
	if _, err := mail.ParseAddress(m.To[0]); err != nil {
		return nil, fmt.Errorf("%q is not an email address", m.To[0])
	}
	_, err = b.Add(m, raw)
	return map[string]string{"messageId": header.Get("Message-Id")}, err
}

// forward hands a received message on, with the headers in body. They may be X- headers
// only, as on Cloudflare.
func (b *Mailbox) forward(m Mail, original, body []byte) (map[string]string, error) {
	if _, err := mail.ParseAddress(m.To[0]); err != nil {
		return nil, fmt.Errorf("%q is not an email address", m.To[0])
	}
	if err := json.Unmarshal(body, &m.Headers); err != nil {
		return nil, fmt.Errorf("the headers are not what was expected: %w", err)
	}
	for name := range m.Headers {
		if !strings.HasPrefix(strings.ToLower(name), "x-") {
			return nil, fmt.Errorf("only X- headers can be added by forwarding, not %q", name)
		}
	}
	m, err := b.Add(m, original)
	return map[string]string{"messageId": m.ID}, err
}

// reply answers a received message, which has to be named by In-Reply-To or References.
func (b *Mailbox) reply(m, of Mail, original, raw []byte) (map[string]string, error) {
	header, err := checkRaw(raw, m.From)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(of.To, m.From) {
		_, domain, _ := strings.Cut(m.From, "@")
		if !slices.ContainsFunc(of.To, func(to string) bool { return strings.HasSuffix(to, "@"+domain) }) {
			return nil, fmt.Errorf("a reply comes from the domain that got the email, not from %q", m.From)
		}
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(original))
	if err != nil || parsed.Header.Get("Message-Id") == "" {
		return nil, errors.New("the original email has no Message-ID to reply to")
	}
	if id := parsed.Header.Get("Message-Id"); !strings.Contains(header.Get("In-Reply-To")+header.Get("References"), id) {
		return nil, fmt.Errorf("the In-Reply-To of the reply does not name the original email %s", id)
	}
	_, err = b.Add(m, raw)
	return map[string]string{"messageId": header.Get("Message-Id")}, err
}
