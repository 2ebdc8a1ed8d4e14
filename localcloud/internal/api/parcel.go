package api

import (
	"crypto/rand"
	"errors"
	"os"
	"sync"
	"time"
)

// parcels are the files on their way into databases and out of them, by the token
// of their URL.
type parcels struct {
	mu      sync.Mutex
	byToken map[string]parcel
}

type parcel struct {
	filename string
	etag     string // of an import
	database string // of an export
	path     string // "" until the file is there
	expires  time.Time
}

// add makes a URL's token. What has expired is removed, and so is an earlier export
// of the same database.
func (ts *parcels) add(t parcel, now time.Time) (token string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for old, o := range ts.byToken {
		if now.After(o.expires) || o.filename == t.filename && o.path == "" || t.database != "" && o.database == t.database {
			ts.remove(old)
		}
	}
	if ts.byToken == nil {
		ts.byToken = map[string]parcel{}
	}
	token = rand.Text()
	ts.byToken[token] = t
	return token
}

func (ts *parcels) remove(token string) {
	if path := ts.byToken[token].path; path != "" {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return // it is in use (Windows); the next one tries again
		}
	}
	delete(ts.byToken, token)
}

// get is the parcel of a token, unless it has expired.
func (ts *parcels) get(token string, now time.Time) (parcel, bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, ok := ts.byToken[token]
	return t, ok && !now.After(t.expires)
}

// keep notes that the file of an import is there.
func (ts *parcels) keep(token, path string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.byToken[token]
	old := t.path
	t.path = path
	ts.byToken[token] = t
	if old != "" {
		_ = os.Remove(old) // uploaded twice; the folder is emptied at the next start
	}
}

// uploaded is where the file of an import is, "" when it is not there.
func (ts *parcels) uploaded(filename string) string {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	_, path := ts.find(filename)
	return path
}

// take is uploaded that forgets the file: it is the caller's.
func (ts *parcels) take(filename string) (path string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	token, path := ts.find(filename)
	delete(ts.byToken, token)
	return path
}

func (ts *parcels) find(filename string) (token, path string) {
	for token, t := range ts.byToken {
		if t.filename == filename && t.path != "" {
			return token, t.path
		}
	}
	return "", ""
}

// exported is the last export of a database.
func (ts *parcels) exported(database string) (token string, t parcel) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for token, t := range ts.byToken {
		if t.database == database {
			return token, t
		}
	}
	return "", parcel{}
}
