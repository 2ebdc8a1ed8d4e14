package clodo

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxToken bounds a token: what is longer is not even looked at.
const maxToken = 8 << 10

// TokenOptions say which JSON Web Tokens are accepted.
type TokenOptions struct {
	// Keys verify tokens. A token that names a key is verified by that one alone, any
	// other by each that has no id or fits its algorithm.
	Keys []Key
	// KeySet finds further keys, see [JWKS].
	KeySet KeySet
	// Issuer has to be the token's, if it is not "".
	Issuer string
	// Audience has to be among the token's: the name of this service. "" is any, which is
	// for keys that sign for this service alone.
	Audience string
	// Leeway is by how much clocks may differ. Default: 30 seconds.
	Leeway time.Duration
}

// KeySet finds keys by the id that a token gives.
type KeySet interface {
	Keys(ctx context.Context, id string) ([]Key, error)
}

// Claims are what a token says.
type Claims struct {
	ID        string
	Issuer    string
	Subject   string
	Audience  []string
	Expires   time.Time // needed: a token that never ends is not accepted
	NotBefore time.Time // the zero time leaves it out, as below
	IssuedAt  time.Time
	Scopes    []string
	Roles     []string
	payload   []byte
}

// Bearer knows requests by the token that they bear: Authorization: Bearer TOKEN. It
// panics on options without keys.
func Bearer(o TokenOptions) Authenticator {
	o.mustHaveKeys()
	return func(r *http.Request) (*Identity, error) {
		token, ok := bearer(r)
		if !ok {
			return nil, ErrNoCredentials
		}
		c, err := o.Verify(r.Context(), token)
		if err != nil {
			return nil, err
		}
		return &Identity{Subject: c.Subject, Scopes: c.Scopes, Roles: c.Roles, Claims: c}, nil
	}
}

func (o TokenOptions) mustHaveKeys() {
	if len(o.Keys) == 0 && o.KeySet == nil {
		panic("clodo: no keys to verify tokens by")
	}
	for _, k := range o.Keys {
		if k.verify == nil {
			panic("clodo: a key to verify tokens by is empty")
		}
	}
}

// tokenHeader is the first part of a token.
type tokenHeader struct {
	Algorithm string          `json:"alg"`
	Type      string          `json:"typ,omitempty"`
	ID        string          `json:"kid,omitempty"`
	Critical  json.RawMessage `json:"crit,omitempty"`
}

// Verify is what a token says, if it is to be believed; else a [Problem] of status 401.
// Another error means that its key could not be looked for.
func (o TokenOptions) Verify(ctx context.Context, token string) (*Claims, error) {
	malformed := func(err error) error {
		return refused("token_malformed", "The token is no JSON Web Token.", err)
	}
	if len(token) > maxToken || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "\r\n") { // which base64 would pass over
		return nil, malformed(nil)
	}
	first, rest, _ := strings.Cut(token, ".")
	second, third, _ := strings.Cut(rest, ".")
	var h tokenHeader
	if err := part(first, &h); err != nil {
		return nil, malformed(err)
	}
	signature, err := encoding.DecodeString(third)
	if err != nil {
		return nil, malformed(err)
	}
	if h.Critical != nil {
		return nil, refused("token_unsupported", "The token demands an extension that is not known here.", nil)
	}
	keys, err := o.keys(ctx, h)
	if err != nil {
		return nil, err
	}
	signed := []byte(token[:len(first)+1+len(second)])
	if !slices.ContainsFunc(keys, func(k Key) bool { return k.verify(signed, signature) }) {
		return nil, refused("token_signature", "The token is not signed by a key that is trusted here.", nil)
	}
	c := &Claims{}
	if err := part(second, c); err != nil {
		return nil, malformed(err)
	}
	return c, o.check(c, time.Now())
}

// keys are those that may have signed a token: their algorithm is the token's.
func (o TokenOptions) keys(ctx context.Context, h tokenHeader) ([]Key, error) {
	fits := func(k Key) bool {
		return k.algorithm == h.Algorithm && k.verify != nil && (h.ID == "" || k.ID == "" || k.ID == h.ID)
	}
	var keys []Key
	for _, k := range o.Keys {
		if fits(k) {
			keys = append(keys, k)
		}
	}
	if len(keys) > 0 || o.KeySet == nil {
		return keys, nil
	}
	found, err := o.KeySet.Keys(ctx, h.ID)
	if err != nil {
		return nil, fmt.Errorf("looking for the key of a token: %w", err)
	}
	for _, k := range found {
		if fits(k) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// check looks at what a token whose signature is right says of itself.
func (o TokenOptions) check(c *Claims, now time.Time) error {
	leeway := o.Leeway
	if leeway == 0 {
		leeway = 30 * time.Second
	}
	switch {
	case c.Expires.IsZero():
		return refused("token_without_end", "The token does not say when it ends.", nil)
	case !now.Before(c.Expires.Add(leeway)):
		return refused("token_expired", "The token has expired.", nil)
	case now.Add(leeway).Before(c.NotBefore), now.Add(leeway).Before(c.IssuedAt):
		return refused("token_not_yet_valid", "The token is not valid yet.", nil)
	case o.Issuer != "" && c.Issuer != o.Issuer:
		return refused("token_issuer", "The token is from another issuer.", nil)
	case o.Audience != "" && !slices.Contains(c.Audience, o.Audience):
		return refused("token_audience", "The token is for another audience.", nil)
	}
	return nil
}

// encoding is base64 without room for two texts that mean the same.
var encoding = base64.RawURLEncoding.Strict()

// part decodes a part of a token: one JSON object, in base64.
func part(text string, v any) error {
	b, err := encoding.DecodeString(text)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b, []byte("{")) {
		return errors.New("it is no JSON object")
	}
	return json.Unmarshal(b, v)
}
