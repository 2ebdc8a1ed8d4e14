package clodo

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
)

// APIKeyHeader carries an API key.
const APIKeyHeader = "X-Api-Key"

// maxAPIKey bounds what is hashed for a request.
const maxAPIKey = 512

// NewAPIKey makes an API key of 130 random bits, and its hash, which is what to keep.
// The prefix tells people and scanners whose key it is: "acme_live_".
func NewAPIKey(prefix string) (key, hash string) {
	key = prefix + rand.Text()
	return key, HashAPIKey(key)
}

// HashAPIKey is the hash of an API key: SHA-256 in hex. It is fast on purpose, as a key
// cannot be guessed, which a password can: never use it for passwords.
func HashAPIKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// FindKey finds whose API key has a hash; nil when nobody's has. Looking a hash up in an
// index gives nothing away: who knows how long it took still knows no key.
type FindKey func(ctx context.Context, hash string) (*Identity, error)

// APIKeys knows requests by the API key in their header X-Api-Key.
func APIKeys(find FindKey) Authenticator {
	return func(r *http.Request) (*Identity, error) {
		keys := r.Header.Values(APIKeyHeader)
		if len(keys) == 0 {
			return nil, ErrNoCredentials
		}
		return known(r.Context(), find, keys[0])
	}
}

// BearerKeys knows requests by an API key that they bear: Authorization: Bearer KEY. Put
// it where no tokens are expected there.
func BearerKeys(find FindKey) Authenticator {
	return func(r *http.Request) (*Identity, error) {
		key, ok := bearer(r)
		if !ok {
			return nil, ErrNoCredentials
		}
		return known(r.Context(), find, key)
	}
}

func known(ctx context.Context, find FindKey, key string) (*Identity, error) {
	if key == "" || len(key) > maxAPIKey {
		return nil, refused("key_unknown", "The API key is not known.", nil)
	}
	id, err := find(ctx, HashAPIKey(key))
	if err == nil && id == nil {
		err = refused("key_unknown", "The API key is not known.", nil)
	}
	return id, err
}

// FixedKeys finds keys in a map of their hashes. It takes the same time for every hash.
// It panics on what is no hash, such as a key itself.
func FixedKeys(byHash map[string]Identity) FindKey {
	type entry struct {
		hash []byte
		id   Identity
	}
	var all []entry
	for hash, id := range byHash {
		b, err := hex.DecodeString(hash)
		if err != nil || len(b) != sha256.Size {
			panic("clodo: a key of the map is not what HashAPIKey returns")
		}
		all = append(all, entry{b, id})
	}
	return func(_ context.Context, hash string) (*Identity, error) {
		b, err := hex.DecodeString(hash)
		if err != nil {
			return nil, err
		}
		found := -1
		for i := range all {
			found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(all[i].hash, b), i, found)
		}
		if found < 0 {
			return nil, nil
		}
		id := all[found].id
		return &id, nil
	}
}
