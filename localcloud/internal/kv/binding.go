package kv

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/pieces"
)

// metadataHeader carries an entry's metadata as JSON.
const metadataHeader = "CF-KV-Metadata"

// Binding answers workerd's KV binding for a namespace.
func (s *Store) Binding(w http.ResponseWriter, r *http.Request, namespace string) {
	var err error
	switch path := r.URL.EscapedPath(); {
	case r.Method == http.MethodPost && path == "/bulk/get":
		err = s.bulkGet(w, r, namespace)
	case r.Method == http.MethodGet && path == "/":
		err = s.list(w, r, namespace)
	default:
		var key string
		if key, err = keyOf(r); err == nil {
			err = s.entry(w, r, namespace, key)
		}
	}
	if err != nil {
		// The binding reads the answer only when it has sent everything.
		_, _ = io.Copy(io.Discard, r.Body)
		refuse(w, err)
	}
}

func keyOf(r *http.Request) (string, error) {
	raw := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	key, err := url.PathUnescape(raw)
	if err != nil {
		return "", &Error{http.StatusBadRequest, "the key is not URL-encoded"}
	}
	return key, nil
}

func (s *Store) entry(w http.ResponseWriter, r *http.Request, namespace, key string) error {
	switch r.Method {
	case http.MethodGet:
		if err := checkCacheTTL(r.URL.Query().Get("cache_ttl")); err != nil {
			return err
		}
		return s.get(w, namespace, key)
	case http.MethodPut:
		return s.putBody(r, namespace, key)
	case http.MethodDelete:
		return s.Delete(namespace, key)
	}
	return &Error{http.StatusMethodNotAllowed, r.Method + " is no operation of KV"}
}

func (s *Store) get(w http.ResponseWriter, namespace, key string) error {
	e, piece, ok, err := s.open(namespace, key)
	if err != nil {
		return err
	}
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return nil
	}
	h, size := w.Header(), int64(len(e.Value))
	if piece != nil {
		defer s.large.Release([]pieces.Piece{*piece})
		size = piece.Size
	}
	if e.Metadata != nil {
		h.Set(metadataHeader, string(e.Metadata))
	}
	if e.Expiration != 0 {
		h.Set("Expiration", strconv.FormatInt(e.Expiration, 10))
	}
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	if piece == nil {
		_, _ = w.Write(e.Value) // the Worker went away
		return nil
	}
	file, err := os.Open(s.large.Path(piece.ID))
	if err != nil {
		return fmt.Errorf("reading a value: %w", err)
	}
	defer file.Close()
	if _, err := io.CopyN(w, file, size); err != nil {
		panic(http.ErrAbortHandler) // the Worker went away, or must not take this for all
	}
	return nil
}

func (s *Store) putBody(r *http.Request, namespace, key string) error {
	q := r.URL.Query()
	at, err := seconds(q, "expiration")
	if err != nil {
		return err
	}
	ttl, err := seconds(q, "expiration_ttl")
	if err != nil {
		return err
	}
	e := Entry{}
	if e.Expiration, err = s.Expiration(at, ttl); err != nil {
		return err
	}
	if m := r.Header.Get(metadataHeader); m != "" {
		e.Metadata = json.RawMessage(m)
	}
	if r.ContentLength > MaxValue {
		return tooLarge(r.ContentLength)
	}
	if e.Value, err = readValue(r); err != nil {
		return err
	}
	return s.Put(namespace, Pair{key, e})
}

// readValue reads a body, whose length is not always known.
func readValue(r *http.Request) ([]byte, error) {
	if r.ContentLength >= 0 {
		value := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, value)
		return value, wrapRead(err)
	}
	value, err := io.ReadAll(io.LimitReader(r.Body, MaxValue+1))
	if err != nil || len(value) <= MaxValue {
		return value, wrapRead(err)
	}
	rest, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return nil, wrapRead(err)
	}
	return nil, tooLarge(int64(len(value)) + rest)
}

func wrapRead(err error) error {
	if err != nil {
		return fmt.Errorf("reading the value: %w", err)
	}
	return nil
}

// checkCacheTTL checks how long a value may be cached, which is for nothing: this is
// the only place that has it.
func checkCacheTTL(text string) error {
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || n < MinCacheTTL {
		return &Error{http.StatusBadRequest, fmt.Sprintf("Invalid cache_ttl of %s. Cache TTL must be at least %d.", text, MinCacheTTL)}
	}
	return nil
}

func seconds(q url.Values, name string) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, &Error{http.StatusBadRequest, fmt.Sprintf("Invalid %s of %s. Please specify integer greater than 0.", name, text)}
	}
	return n, nil
}

func (s *Store) list(w http.ResponseWriter, r *http.Request, namespace string) error {
	q := r.URL.Query()
	o := ListOptions{Prefix: q.Get("prefix"), Cursor: q.Get("cursor")}
	if text := q.Get("key_count_limit"); text != "" {
		var err error
		if o.Limit, err = strconv.Atoi(text); err != nil || o.Limit == 0 {
			return &Error{http.StatusBadRequest, fmt.Sprintf("Invalid key_count_limit of %s. Please specify an integer greater than 0.", text)}
		}
	}
	page, err := s.List(namespace, o)
	if err != nil {
		return err
	}
	answer := listAnswer{Keys: make([]listedKey, len(page.Keys)), Complete: page.Cursor == "", Cursor: page.Cursor}
	for i, k := range page.Keys {
		answer.Keys[i] = listedKey{k.Name, k.Expiration, string(k.Metadata)}
	}
	return writeJSON(w, answer)
}

type listAnswer struct {
	Keys     []listedKey `json:"keys"`
	Complete bool        `json:"list_complete"`
	Cursor   string      `json:"cursor,omitempty"`
}

// listedKey has the metadata as a text, which the binding parses.
type listedKey struct {
	Name       string `json:"name"`
	Expiration int64  `json:"expiration,omitempty"`
	Metadata   string `json:"metadata,omitempty"`
}

func (s *Store) bulkGet(w http.ResponseWriter, r *http.Request, namespace string) error {
	var call struct {
		Keys         []string
		Type         string
		WithMetadata bool
		CacheTTL     json.RawMessage // a number or its text
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&call); err != nil {
		return &Error{http.StatusBadRequest, "the request is no JSON: " + err.Error()}
	}
	if call.Type != "" && call.Type != "text" && call.Type != "json" {
		return &Error{http.StatusBadRequest, fmt.Sprintf(`%q is not a valid type. Use "json" or "text"`, call.Type)}
	}
	if err := checkCacheTTL(strings.Trim(string(call.CacheTTL), `"`)); err != nil {
		return err
	}
	values, err := s.BulkGet(namespace, call.Keys, call.Type == "json", call.WithMetadata)
	if err != nil {
		return err
	}
	return writeJSON(w, values)
}

// BulkGet is many values by key, null for those that do not exist: as strings, or
// as the JSON that they hold. With metadata each is {"value":…,"metadata":…}.
func (s *Store) BulkGet(namespace string, keys []string, asJSON, withMetadata bool) (map[string]json.RawMessage, error) {
	switch {
	case len(keys) == 0:
		return nil, &Error{http.StatusBadRequest, "You must request a minimum of 1 key"}
	case len(keys) > MaxBulkGet:
		return nil, &Error{http.StatusBadRequest, fmt.Sprintf("You can request a maximum of %d keys", MaxBulkGet)}
	}
	all := make(map[string]json.RawMessage, len(keys))
	size := 0
	for _, key := range keys {
		e, ok, err := s.Get(namespace, key)
		if err != nil {
			return nil, err
		}
		all[key] = json.RawMessage("null")
		if !ok {
			continue
		}
		if size += len(e.Value); size > MaxValue {
			return nil, &Error{http.StatusRequestEntityTooLarge, "Total size of request exceeds the limit of 25MB"}
		}
		if all[key], err = bulkValue(e, asJSON, withMetadata); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func bulkValue(e Entry, asJSON, withMetadata bool) (json.RawMessage, error) {
	value := json.RawMessage(e.Value)
	if asJSON && !json.Valid(value) {
		return nil, &Error{http.StatusBadRequest, "At least one of the requested keys corresponds to a non-json value"}
	}
	if !asJSON {
		text, err := json.Marshal(string(e.Value))
		if err != nil {
			return nil, err
		}
		value = text
	}
	if !withMetadata {
		return value, nil
	}
	return json.Marshal(struct {
		Value    json.RawMessage `json:"value"`
		Metadata json.RawMessage `json:"metadata"`
	}{value, e.Metadata})
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b) // the Worker went away
	return nil
}

// refuse answers with the message as the status line's reason: the binding puts
// that, and nothing else, into the exception that the Worker sees. net/http has no
// way to write a reason, so the answer is written to the connection itself.
func refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if known := (*Error)(nil); errors.As(err, &known) {
		status = known.Status
	}
	conn, out, hijackErr := http.NewResponseController(w).Hijack()
	if hijackErr != nil {
		http.Error(w, err.Error(), status)
		return
	}
	reason := strings.NewReplacer("\r", " ", "\n", " ").Replace(err.Error())
	_, _ = fmt.Fprintf(out, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status, reason)
	_ = errors.Join(out.Flush(), conn.Close()) // the Worker went away
}
