package cloudflare

import (
	"errors"
	"fmt"
	"log/slog"
)

// hidden stands wherever a Secret would be printed.
const hidden = "[hidden]"

// Secret is a token, a secret binding's text or an upload ticket. It can be sent but
// not printed: fmt, log/slog and encoding/json all write "[hidden]" for it. The value
// sits behind a function so that printing a struct that holds one in an unexported
// field, which skips every method, shows an address only.
type Secret struct {
	reveal func() string
}

// NewSecret hides value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return value }}
}

// Reveal is the value, for those who must send it; "" for the zero Secret.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports whether there is no value.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String never shows the value.
func (s Secret) String() string { return hidden }

// Format never shows the value, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue never shows the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText never shows the value; encoding/json and others use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// UnmarshalText takes a value out of an answer that carries one. What MarshalText wrote
// is refused: a record that was to keep a secret has not kept it.
func (s *Secret) UnmarshalText(b []byte) error {
	if string(b) == hidden {
		return errors.New("a secret was hidden when this was written, so it cannot be read back")
	}
	*s = NewSecret(string(b))
	return nil
}
