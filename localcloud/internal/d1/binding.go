package d1

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// sessionHeader carries a session's constraint or bookmark, both ways.
const sessionHeader = "x-cf-d1-session-commit-token"

// maxCall bounds the body of one call from a Worker; Cloudflare's own limit for
// messages between Workers is 32 MiB.
const maxCall = 32 << 20

// Binding answers workerd's D1 binding for the database of that id. An error of
// SQL has status 200, as on Cloudflare: the binding looks at the body.
func (s *Store) Binding(w http.ResponseWriter, r *http.Request, id string) {
	db, err := s.Get(id)
	if err != nil {
		reply(w, http.StatusOK, failure(err))
		return
	}
	if r.URL.Path == "/dump" {
		answerDump(w, r, db)
		return
	}
	batch, err := readCall(r)
	if err != nil {
		reply(w, http.StatusOK, failure(err))
		return
	}
	session := strings.TrimSpace(r.Header.Get(sessionHeader)) != ""
	out, bookmark, err := db.run(r.Context(), Request{Batch: batch, Rows: r.URL.Query().Get("resultsFormat") == "ROWS_AND_COLUMNS", session: session})
	if err != nil {
		reply(w, http.StatusOK, failure(err))
		return
	}
	if session {
		w.Header().Set(sessionHeader, bookmark)
	}
	reply(w, http.StatusOK, out)
}

// readCall reads one statement or an array of them.
func readCall(r *http.Request) ([]Statement, error) {
	var read bytes.Buffer
	if r.ContentLength > 0 {
		read.Grow(int(min(r.ContentLength, maxCall)) + bytes.MinRead)
	}
	_, err := read.ReadFrom(io.LimitReader(r.Body, maxCall+1))
	body := read.Bytes()
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxCall:
		return nil, errors.New("the call is longer than 32 MiB")
	case len(body) > 0 && body[0] == '[':
		var batch []Statement
		return batch, json.Unmarshal(body, &batch)
	}
	var one Statement
	if err := json.Unmarshal(body, &one); err != nil {
		return nil, err
	}
	return []Statement{one}, nil
}

func answerDump(w http.ResponseWriter, r *http.Request, db *DB) {
	data, err := db.Dump(r.Context())
	if err != nil {
		reply(w, http.StatusInternalServerError, failure(err))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data) // the Worker went away
}

func failure(err error) []byte {
	return append(jsonwire.AppendString([]byte(`{"success":false,"error":`), err.Error()), '}')
}

func reply(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // long answers would be sent in chunks
	w.WriteHeader(status)
	_, _ = w.Write(body) // the Worker went away
}
