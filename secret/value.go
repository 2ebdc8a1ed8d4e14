// Package secret holds secret values that cannot be printed by accident, and says
// which ones a Worker needs and where they come from.
package secret

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
)

// Value is a secret. Every way of formatting, logging or marshalling it gives
// Hidden; only Reveal gives the text.
//
// The text is behind a pointer because fmt prints unexported fields of a struct
// that holds a Value without asking the Value: it then shows an address.
type Value struct{ text *string }

// Hidden stands for a secret wherever one would be printed.
const Hidden = "(hidden)"

// New makes a Value of text.
func New(text string) Value { return Value{&text} }

// Reveal is the secret itself. Every call is a place to review.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero reports whether the value is empty, which no secret may be.
func (v Value) IsZero() bool { return v.Reveal() == "" }

// Equal compares in constant time.
func (v Value) Equal(w Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(w.Reveal())) == 1
}

// String gives Hidden.
func (Value) String() string { return Hidden }

// Format gives Hidden for every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Hidden)) }

// MarshalText gives Hidden, so that JSON and YAML never hold a secret either.
func (Value) MarshalText() ([]byte, error) { return []byte(Hidden), nil }

// LogValue gives Hidden to slog.
func (Value) LogValue() slog.Value { return slog.StringValue(Hidden) }

var (
	_ fmt.Formatter  = Value{}
	_ slog.LogValuer = Value{}
)
