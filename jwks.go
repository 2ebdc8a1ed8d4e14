package clodo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The bounds of a key set: whoever publishes it should not fill the memory of who reads
// it.
const (
	maxKeySet     = 256 << 10
	maxKeys       = 100
	keySetTimeout = 5 * time.Second
	keySetPause   = 30 * time.Second // between two attempts, however many tokens name unknown keys
	keySetGrace   = time.Hour        // in which old keys do while new ones cannot be had
)

// JWKSOptions say where keys are published.
type JWKSOptions struct {
	// URL of the JSON Web Key Set, with https.
	URL string
	// Transport fetches it: a client of package services, for example. Default:
	// [Transport].
	Transport http.RoundTripper
	// Algorithms are those that keys are accepted for.
	Algorithms []Algorithm
	// MaxAge is after how long it is fetched anew. Default: 10 minutes.
	MaxAge time.Duration
}

// JWKS are keys that somebody publishes as a JSON Web Key Set, fetched when they are
// needed and kept. It is fetched anew when it is old, and at most twice a minute when a
// token names a key that it does not have. While it cannot be had, the old one does for
// an hour. What is kept is of one process; on Workers each instance of the program has
// its own.
type JWKS struct {
	options JWKSOptions
	gate    chan struct{} // held by who looks at what follows
	keys    []Key
	fetched time.Time
	tried   time.Time
}

// NewJWKS makes a set that has fetched nothing yet. It panics on options that cannot be.
func NewJWKS(o JWKSOptions) *JWKS {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1") {
		panic("clodo: " + quoted(o.URL) + " is no https URL of a key set")
	}
	if o.Transport == nil {
		o.Transport = Transport{}
	}
	if len(o.Algorithms) == 0 {
		panic("clodo: no algorithm whose keys are accepted")
	}
	if o.MaxAge == 0 {
		o.MaxAge = 10 * time.Minute
	}
	return &JWKS{options: o, gate: make(chan struct{}, 1)}
}

// Keys are those with an id, or all of them for "". It is a [KeySet]'s.
func (s *JWKS) Keys(ctx context.Context, id string) ([]Key, error) {
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := time.Now()
	fresh := !s.fetched.IsZero() && now.Sub(s.fetched) < s.options.MaxAge
	if fresh && (id == "" || slices.ContainsFunc(s.keys, func(k Key) bool { return k.ID == id })) {
		return s.keys, nil
	}
	if s.tried.IsZero() || now.Sub(s.tried) >= keySetPause {
		s.tried = now
		keys, err := s.fetch(ctx)
		if err == nil {
			s.keys, s.fetched = keys, now
			return keys, nil
		}
		if s.fetched.IsZero() || now.Sub(s.fetched) >= s.options.MaxAge+keySetGrace {
			if ctx.Err() != nil {
				s.tried = time.Time{} // it was this request's end, the next one may try
			}
			return nil, unavailable(fmt.Errorf("fetching the key set %s: %w", s.options.URL, err))
		}
	}
	if s.fetched.IsZero() || now.Sub(s.fetched) >= s.options.MaxAge+keySetGrace {
		return nil, unavailable(errors.New("the key set " + s.options.URL + " could not be fetched shortly before"))
	}
	return s.keys, nil
}

func unavailable(err error) *Problem {
	return &Problem{
		Status: http.StatusServiceUnavailable, Code: "keys_unavailable", Detail: "The keys that tokens are verified by are not available.", Err: err,
		Header: http.Header{"Retry-After": {"30"}},
	}
}

// fetch asks for the set. Keys that are not for the algorithms here are passed over.
func (s *JWKS) fetch(ctx context.Context) ([]Key, error) {
	ctx, cancel := context.WithTimeout(ctx, keySetTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.options.URL, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	res, err := s.options.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer has status %d", res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	var set jwks
	if len(b) > maxKeySet {
		return nil, fmt.Errorf("it has more than %d bytes", maxKeySet)
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, err
	}
	var keys []Key
	for i := range set.Keys {
		j := &set.Keys[i]
		for _, a := range s.options.Algorithms {
			if j.Use != "" && j.Use != "sig" || j.Algorithm != "" && j.Algorithm != a.name || len(keys) == maxKeys {
				continue
			}
			if k, err := a.key(j); err == nil { // else it is for another algorithm, or of no use
				keys = append(keys, k)
			}
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key for the algorithms that are accepted")
	}
	return keys, nil
}
