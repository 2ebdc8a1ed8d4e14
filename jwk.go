package clodo

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
)

// jwk is a public key as RFC 7517 writes it: what the algorithms here need of it.
type jwk struct {
	Type      string `json:"kty"`
	ID        string `json:"kid,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Use       string `json:"use,omitempty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	N         string `json:"n,omitempty"`
	E         string `json:"e,omitempty"`
}

// jwks is a set of them.
type jwks struct {
	Keys []jwk `json:"keys"`
}

// Algorithm is a way of signing tokens that a [JWKS] accepts keys for. A program has in
// it only those that it names, which matters on Workers: ES256 adds some 50 KB to one.
type Algorithm struct {
	name string
	key  func(*jwk) (Key, error)
}

// EdDSA is Ed25519 (RFC 8037), the one to choose.
func EdDSA() Algorithm {
	return Algorithm{"EdDSA", func(j *jwk) (Key, error) {
		x, err := base64.RawURLEncoding.DecodeString(j.X)
		if err != nil || j.Type != "OKP" || j.Curve != "Ed25519" {
			return Key{}, errors.New("it is no key of Ed25519")
		}
		return EdDSAPublicKey(j.ID, ed25519.PublicKey(x))
	}}
}

// RS256 is RSA with SHA-256 (RFC 7518, PKCS #1 version 1.5), which many identity
// providers sign by.
func RS256() Algorithm {
	return Algorithm{"RS256", func(j *jwk) (Key, error) {
		n, err1 := base64.RawURLEncoding.DecodeString(j.N)
		e, err2 := base64.RawURLEncoding.DecodeString(j.E)
		if err1 != nil || err2 != nil || j.Type != "RSA" || len(e) == 0 || len(e) > 4 || len(n) > 1024 {
			return Key{}, errors.New("it is no key of RSA")
		}
		exponent := new(big.Int).SetBytes(e)
		if !exponent.IsInt64() || exponent.Int64() > 1<<31-1 {
			return Key{}, errors.New("it is no key of RSA")
		}
		return RS256PublicKey(j.ID, &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())})
	}}
}

// RS256PublicKey verifies by RSA, with a key of at least 2048 bits.
func RS256PublicKey(id string, public *rsa.PublicKey) (Key, error) {
	if bits := public.N.BitLen(); bits < 2048 || bits > 8192 {
		return Key{}, fmt.Errorf("a key for RS256 has 2048 to 8192 bits, this one has %d", bits)
	}
	return Key{ID: id, algorithm: "RS256", verify: func(signed, signature []byte) bool {
		hash := sha256.Sum256(signed)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], signature) == nil
	}}, nil
}

// ES256 is ECDSA on the curve P-256 with SHA-256 (RFC 7518).
func ES256() Algorithm {
	return Algorithm{"ES256", func(j *jwk) (Key, error) {
		x, err1 := base64.RawURLEncoding.DecodeString(j.X)
		y, err2 := base64.RawURLEncoding.DecodeString(j.Y)
		if err1 != nil || err2 != nil || j.Type != "EC" || j.Curve != "P-256" || len(x) != 32 || len(y) != 32 {
			return Key{}, errors.New("it is no key of P-256")
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil {
			return Key{}, err
		}
		return ES256PublicKey(j.ID, public)
	}}
}

// ES256PublicKey verifies by ECDSA, with a key of the curve P-256.
func ES256PublicKey(id string, public *ecdsa.PublicKey) (Key, error) {
	if public.Curve != elliptic.P256() {
		return Key{}, errors.New("a key for ES256 is of the curve P-256")
	}
	return Key{ID: id, algorithm: "ES256", verify: func(signed, signature []byte) bool {
		hash := sha256.Sum256(signed)
		return len(signature) == 64 && ecdsa.Verify(public, hash[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}}, nil
}
