package localcloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	netmail "net/mail"
	"slices"
	"strconv"

	"github.com/tamylaa/clodo/localcloud/internal/mail"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// errEmail is an email that no Worker would be given.
var errEmail = errors.New("invalid email")

// receive gives an email to a Worker, as if it had come for an address that is routed to
// it, and puts it into the mailbox with what became of it. A handler that fails is no
// error: the outcome says so.
func (c *Cloud) receive(ctx context.Context, account, script, from, to string, raw []byte) (mail.Mail, error) {
	if from == "" || to == "" || len(raw) == 0 {
		return mail.Mail{}, fmt.Errorf("%w: it needs the parameters from and to, and the raw message as the body", errEmail)
	}
	if len(raw) > mail.MaxSize {
		return mail.Mail{}, fmt.Errorf("%w: it is larger than %d bytes", errEmail, mail.MaxSize)
	}
	parsed, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return mail.Mail{}, fmt.Errorf("%w: it cannot be read: %w", errEmail, err)
	}
	if parsed.Header.Get("Message-Id") == "" {
		return mail.Mail{}, fmt.Errorf("%w: it has no Message-ID", errEmail)
	}
	var headers [][2]string
	for _, name := range slices.Sorted(maps.Keys(parsed.Header)) {
		for _, value := range parsed.Header[name] {
			headers = append(headers, [2]string{name, value})
		}
	}
	m, err := c.storage.mails.Add(mail.Mail{Kind: mail.Received, Account: account, Script: script, From: from, To: []string{to}}, raw)
	if err != nil {
		return m, err
	}
	d, err := c.workers.DeliverEmail(ctx, account, script, runtime.Email{ID: m.ID, From: from, To: to, Headers: headers, Raw: raw})
	outcome := d.Outcome
	if err != nil {
		outcome = "not delivered"
	}
	if d.Error != "" {
		c.options.Log.Error("an email handler failed", "script", script, "error", d.Error)
	}
	if err := errors.Join(err, c.storage.mails.Finish(m.ID, outcome)); err != nil {
		return m, err
	}
	m, _, err = c.storage.mails.Get(m.ID)
	return m, err
}

// emailStatus is the HTTP status for an email that could not be given to a Worker.
func emailStatus(err error) int {
	switch {
	case errors.Is(err, errEmail):
		return http.StatusBadRequest
	case errors.Is(err, runtime.ErrNoHandler), errors.Is(err, runtime.ErrNotDeployed), errors.Is(err, mail.ErrNotFound):
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

func (c *Cloud) readEmail(r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, mail.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: it broke off", errEmail)
	}
	return raw, nil
}

// The control endpoints of email.

func (c *Cloud) postEmail(w http.ResponseWriter, r *http.Request) {
	raw, err := c.readEmail(r)
	var m mail.Mail
	if err == nil {
		q := r.URL.Query()
		m, err = c.receive(r.Context(), r.PathValue("account_id"), r.PathValue("script_name"), q.Get("from"), q.Get("to"), raw)
	}
	if err != nil {
		answer(w, emailStatus(err), map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, m)
}

func (c *Cloud) listMails(w http.ResponseWriter, r *http.Request) {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			answer(w, http.StatusBadRequest, map[string]string{"error": "limit is a number from 1 to 1000"})
			return
		}
		limit = n
	}
	all, err := c.storage.mails.List(limit)
	if err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, map[string]any{"mails": all})
}

func (c *Cloud) showMail(w http.ResponseWriter, r *http.Request) {
	_, raw, err := c.storage.mails.Get(r.PathValue("id"))
	if err != nil {
		answer(w, emailStatus(err), map[string]string{"error": err.Error()})
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(raw) // the client may be gone
}

func (c *Cloud) clearMails(w http.ResponseWriter, _ *http.Request) {
	if err := c.storage.mails.Clear(); err != nil {
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	answer(w, http.StatusOK, map[string]any{"mails": []any{}})
}
