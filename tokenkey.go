package clodo

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Key verifies JSON Web Tokens, and those made for it signs them too, always by one
// algorithm: what a token says of its algorithm never chooses how it is verified.
type Key struct {
	ID        string // the kid; "" fits tokens with any
	algorithm string
	verify    func(signed, signature []byte) bool
	sign      func(signed []byte) []byte // nil when it only verifies
	public    *jwk                       // nil when nobody else may have it
}

// minSecret is what RFC 7518 wants of a secret for HS256.
const minSecret = 32

// HS256Key signs and verifies by HMAC with a secret of at least 32 bytes, which should be
// random ones. Whoever can verify by it can sign too.
func HS256Key(id string, secret []byte) (Key, error) {
	if len(secret) < minSecret {
		return Key{}, fmt.Errorf("a secret for HS256 has at least %d bytes, this one has %d", minSecret, len(secret))
	}
	secret = slices.Clone(secret)
	sign := func(signed []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(signed)
		return h.Sum(nil)
	}
	return Key{
		ID: id, algorithm: "HS256", sign: sign,
		verify: func(signed, signature []byte) bool { return hmac.Equal(sign(signed), signature) },
	}, nil
}

// EdDSAKey signs and verifies by Ed25519, with the key that follows from a seed of 32
// random bytes.
func EdDSAKey(id string, seed []byte) (Key, error) {
	if len(seed) != ed25519.SeedSize {
		return Key{}, fmt.Errorf("a seed for EdDSA has %d bytes, this one has %d", ed25519.SeedSize, len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	k, err := EdDSAPublicKey(id, private.Public().(ed25519.PublicKey))
	k.sign = func(signed []byte) []byte { return ed25519.Sign(private, signed) }
	return k, err
}

// EdDSAPublicKey verifies what an [EdDSAKey] has signed.
func EdDSAPublicKey(id string, public ed25519.PublicKey) (Key, error) {
	if len(public) != ed25519.PublicKeySize {
		return Key{}, fmt.Errorf("a public key of Ed25519 has %d bytes, this one has %d", ed25519.PublicKeySize, len(public))
	}
	public = slices.Clone(public)
	return Key{
		ID: id, algorithm: "EdDSA",
		verify: func(signed, signature []byte) bool { return ed25519.Verify(public, signed, signature) },
		public: &jwk{Type: "OKP", Curve: "Ed25519", X: base64.RawURLEncoding.EncodeToString(public), ID: id, Algorithm: "EdDSA", Use: "sig"},
	}, nil
}

// Sign makes a token of claims: a [Claims] or anything else that is a JSON object.
func (k Key) Sign(claims any) (string, error) {
	if k.sign == nil {
		return "", errors.New("the key cannot sign: it is a public one")
	}
	header, err := json.Marshal(tokenHeader{Algorithm: k.algorithm, Type: "JWT", ID: k.ID})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding the claims: %w", err)
	}
	if len(payload) == 0 || payload[0] != '{' {
		return "", errors.New("claims are a JSON object")
	}
	token := base64.RawURLEncoding.AppendEncode(nil, header)
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), payload)
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), k.sign(token))), nil
}

// PublicKeys answers with the public halves of keys, as a JSON Web Key Set, for those who
// verify what is signed here. It panics on a key that has no public half.
func PublicKeys(keys ...Key) http.Handler {
	set := jwks{Keys: []jwk{}}
	for _, k := range keys {
		if k.public == nil {
			panic("clodo: a key of " + k.algorithm + " has no public half to show")
		}
		set.Keys = append(set.Keys, *k.public)
	}
	return HandlerFunc(func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Cache-Control", "public, max-age=300")
		return JSON(w, http.StatusOK, set)
	})
}
