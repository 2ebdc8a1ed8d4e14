package clodo

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"time"
)

// claimsJSON is [Claims] on the wire, as RFC 7519 and RFC 9068 name them.
type claimsJSON struct {
	Issuer    string       `json:"iss,omitempty"`
	Subject   string       `json:"sub,omitempty"`
	Audience  stringOrList `json:"aud,omitempty"`
	Expires   *float64     `json:"exp,omitempty"`
	NotBefore *float64     `json:"nbf,omitempty"`
	IssuedAt  *float64     `json:"iat,omitempty"`
	ID        string       `json:"jti,omitempty"`
	Scope     string       `json:"scope,omitempty"`
	Scp       stringOrList `json:"scp,omitempty"` // of those who do not write scope
	Roles     stringOrList `json:"roles,omitempty"`
}

// MarshalJSON is what is signed: times are whole seconds, scopes one text with spaces.
func (c Claims) MarshalJSON() ([]byte, error) {
	return json.Marshal(claimsJSON{
		Issuer: c.Issuer, Subject: c.Subject, Audience: c.Audience, ID: c.ID, Scope: strings.Join(c.Scopes, " "), Roles: c.Roles,
		Expires: seconds(c.Expires), NotBefore: seconds(c.NotBefore), IssuedAt: seconds(c.IssuedAt),
	})
}

// UnmarshalJSON reads what a token says.
func (c *Claims) UnmarshalJSON(b []byte) error {
	var sent claimsJSON
	if err := json.Unmarshal(b, &sent); err != nil {
		return err
	}
	*c = Claims{
		ID: sent.ID, Issuer: sent.Issuer, Subject: sent.Subject, Audience: sent.Audience,
		Scopes: append(strings.Fields(sent.Scope), sent.Scp...), Roles: sent.Roles, payload: slices.Clone(b),
	}
	var err1, err2, err3 error
	c.Expires, err1 = numericDate(sent.Expires)
	c.NotBefore, err2 = numericDate(sent.NotBefore)
	c.IssuedAt, err3 = numericDate(sent.IssuedAt)
	return errors.Join(err1, err2, err3)
}

// Decode reads the claims of a verified token into a type of one's own.
func (c *Claims) Decode(v any) error {
	if c.payload == nil {
		return errors.New("these claims are of no token")
	}
	return json.Unmarshal(c.payload, v)
}

// stringOrList is a text or a list of texts.
type stringOrList []string

func (s *stringOrList) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*s = stringOrList{""}
		return json.Unmarshal(b, &(*s)[0])
	}
	return json.Unmarshal(b, (*[]string)(s))
}

// seconds is a time as tokens have it.
func seconds(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	s := float64(t.Unix())
	return &s
}

// numericDate is a time of a token, between the years 1970 and 9999.
func numericDate(s *float64) (time.Time, error) {
	if s == nil {
		return time.Time{}, nil
	}
	if !(*s >= 0 && *s < 253402300800) { // NaN is neither
		return time.Time{}, errors.New("a time of the token cannot be")
	}
	whole, fraction := math.Modf(*s)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}
