package runtime

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
)

// maxEmail is how much of a call is read: an email of 25 MiB in base64, and the rest.
const maxEmail = 64 << 20

// email checks an email as js/bindings/send_email.js does before it is sent.
func (p *Program) email(w http.ResponseWriter, r *http.Request, b binding) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEmail))
	if err != nil {
		return err
	}
	from, to := r.URL.Query().Get("from"), []string{r.URL.Query().Get("to")}
	if r.URL.Path == "/draft" {
		if from, to, err = envelope(body); err != nil {
			return err
		}
	}
	if err := b.allows(from, to); err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return p.resource(w, r, b)
}

func (b binding) allows(from string, recipients []string) error {
	if b.Senders != nil && !slices.Contains(b.Senders, from) {
		return fmt.Errorf("email from %s not allowed", from)
	}
	for _, to := range recipients {
		if b.Destination != "" && to != b.Destination || b.Destinations != nil && !slices.Contains(b.Destinations, to) {
			return fmt.Errorf("email to %s not allowed", to)
		}
	}
	return nil
}

// envelope is who sends a draft, and to whom.
func envelope(body []byte) (from string, to []string, err error) {
	var draft struct {
		From        address
		To, CC, BCC []address
	}
	if err := json.Unmarshal(body, &draft); err != nil {
		return "", nil, fmt.Errorf("the email is not what was expected: %w", err)
	}
	for _, a := range slices.Concat(draft.To, draft.CC, draft.BCC) {
		to = append(to, string(a))
	}
	return string(draft.From), to, nil
}

// address is an address of a draft: a text, with or without a name, or an object.
type address string

// UnmarshalJSON leaves the name out.
func (a *address) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) != nil {
		var object struct{ Email string }
		err := json.Unmarshal(b, &object)
		*a = address(object.Email)
		return err
	}
	if parsed, err := mail.ParseAddress(text); err == nil {
		text = parsed.Address
	}
	*a = address(text)
	return nil
}
