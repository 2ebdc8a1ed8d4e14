package data

import (
	"context"
	"net/http"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// BookmarkHeader carries how much of the database a client has seen, both ways.
const BookmarkHeader = "X-D1-Bookmark"

type sessionKey struct{ db *d1.DB }

// session is a session of D1 in a context.
type session struct {
	*d1.Session
	resumed bool // it goes on from a bookmark
}

// Sessions gives each request a session of the database, which every store of it uses:
// replicas may answer then, and still a request sees what it wrote, and what its client
// saw before when it sends back the header X-D1-Bookmark of the last answer. Without a
// session, or without replicas, the primary database answers everything.
func Sessions(db *d1.DB) clodo.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			bookmark := r.Header.Get(BookmarkHeader)
			if !isBookmark(bookmark) {
				bookmark = ""
			}
			start := bookmark
			if start == "" && r.Method != http.MethodGet && r.Method != http.MethodHead {
				start = d1.FirstPrimary
			}
			s := &session{db.Session(start), bookmark != ""}
			a := &bookmarked{ResponseWriter: w, session: s}
			next.ServeHTTP(a, r.WithContext(context.WithValue(r.Context(), sessionKey{db}, s)))
			a.tell()
		})
	}
}

// sessionOf is the session of db in ctx, nil without one.
func sessionOf(ctx context.Context, db *d1.DB) *session {
	s, _ := ctx.Value(sessionKey{db}).(*session)
	return s
}

// isBookmark knows the characters of D1's bookmarks: what is none begins a session anew.
func isBookmark(s string) bool {
	for i := 0; i < len(s); i++ {
		if !hex(s[i]) && s[i] != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 200
}

// bookmarked is an answer that tells the newest bookmark when it begins.
type bookmarked struct {
	http.ResponseWriter
	session *session
	told    bool
}

func (b *bookmarked) tell() {
	if b.told {
		return
	}
	b.told = true
	if mark := b.session.Bookmark(); mark != "" {
		b.Header().Set(BookmarkHeader, mark)
	}
}

func (b *bookmarked) WriteHeader(status int) {
	if status >= http.StatusOK {
		b.tell()
	}
	b.ResponseWriter.WriteHeader(status)
}

func (b *bookmarked) Write(p []byte) (int, error) {
	b.tell()
	return b.ResponseWriter.Write(p)
}

// Flush makes it an [http.Flusher].
func (b *bookmarked) Flush() { _ = b.FlushError() } // a client that is gone is noticed by the next write

// FlushError is for [http.ResponseController]: what is flushed begins.
func (b *bookmarked) FlushError() error {
	b.tell()
	return http.NewResponseController(b.ResponseWriter).Flush()
}

// Unwrap gives [http.ResponseController] what it needs.
func (b *bookmarked) Unwrap() http.ResponseWriter { return b.ResponseWriter }
