package kv

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Cloudflare's limits.
const (
	MaxKey      = 512      // bytes
	MaxValue    = 25 << 20 // bytes
	MaxMetadata = 1024     // bytes of JSON
	MinTTL      = 60       // seconds
	MinCacheTTL = 30       // seconds
	MaxList     = 1000     // keys of one page
	MaxBulkGet  = 100      // keys
)

// Error is a request that KV refuses, with the HTTP status it refuses it with.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// Expiration is the Unix second that a request's expiration or expiration_ttl
// means; both 0 is never.
func (s *Store) Expiration(at, ttl int64) (int64, error) {
	now := s.now()
	switch {
	case ttl != 0 && ttl < MinTTL:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration_ttl of %d. Expiration TTL must be at least %d.", ttl, MinTTL)}
	case ttl != 0:
		return now + ttl, nil
	case at != 0 && at <= now:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration of %d. Please specify integer greater than the current number of seconds since the UNIX epoch.", at)}
	case at != 0 && at < now+MinTTL:
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid expiration of %d. Expiration times must be at least %d seconds in the future.", at, MinTTL)}
	}
	return at, nil
}

func (s *Store) check(p Pair) error {
	if err := checkKey(p.Key); err != nil {
		return err
	}
	if len(p.Value) > MaxValue {
		return tooLarge(int64(len(p.Value)))
	}
	if len(p.Metadata) > MaxMetadata {
		return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Metadata length of %d exceeds limit of %d.", len(p.Metadata), MaxMetadata)}
	}
	if p.Metadata != nil && !json.Valid(p.Metadata) {
		return &Error{http.StatusBadRequest, "Metadata must be JSON."}
	}
	return nil
}

func tooLarge(length int64) error {
	return &Error{http.StatusRequestEntityTooLarge, fmt.Sprintf("Value length of %d exceeds limit of %d.", length, MaxValue)}
}

func checkKey(key string) error {
	switch {
	case key == "":
		return &Error{http.StatusBadRequest, "Key names must not be empty"}
	case key == "." || key == "..":
		return &Error{http.StatusBadRequest, fmt.Sprintf("Illegal key name %q. Please use a different name.", key)}
	}
	return checkLength(key)
}

// checkLength is for prefixes too.
func checkLength(key string) error {
	if len(key) > MaxKey {
		return &Error{http.StatusRequestURITooLong, fmt.Sprintf("UTF-8 encoded length of %d exceeds key length limit of %d.", len(key), MaxKey)}
	}
	return nil
}
