package secret

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Kind is how a secret is made that nobody has to know, such as clodo.yaml names it.
type Kind string

// The kinds.
const (
	JWT      Kind = "jwt"      // a key for signing tokens: 64 bytes, base64url without padding, 86 characters
	APIKey   Kind = "api-key"  // 32 bytes, base64url without padding, 43 characters
	Password Kind = "password" // 26 letters and digits of the Base32 alphabet, as people can read out
	Hex      Kind = "hex"      // 32 bytes, 64 hexadecimal digits
)

// Bits is how much of a value of the kind cannot be guessed; 0 is no kind.
func (k Kind) Bits() int {
	switch k {
	case JWT:
		return 512
	case APIKey, Hex:
		return 256
	case Password:
		return 130
	}
	return 0
}

// Generate makes a value of the kind, from the system's randomness. No two are the same.
func Generate(k Kind) (Value, error) {
	switch k {
	case JWT, APIKey:
		return New(base64.RawURLEncoding.EncodeToString(random(k.Bits() / 8))), nil
	case Hex:
		return New(hex.EncodeToString(random(k.Bits() / 8))), nil
	case Password:
		return New(rand.Text()), nil
	}
	return Value{}, fmt.Errorf("%q is no kind of secret that can be generated", k)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
