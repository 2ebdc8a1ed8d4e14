package kv

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
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
		e, ok, err := s.Get(namespace, key)
		if err != nil {
			return err
		}
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			return nil
		}
		if e.Metadata != nil {
			w.Header().Set(metadataHeader, string(e.Metadata))
		}
		if e.Expiration != 0 {
			w.Header().Set("Expiration", strconv.FormatInt(e.Expiration, 10))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(e.Value) // the Worker went away
		return nil
	case http.MethodPut:
		return s.putBody(r, namespace, key)
	case http.MethodDelete:
		return s.Delete(namespace, key)
	}
	return &Error{http.StatusMethodNotAllowed, r.Method + " is no operation of KV"}
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
	if e.Value, err = io.ReadAll(io.LimitReader(r.Body, MaxValue+1)); err != nil {
		return fmt.Errorf("reading the value: %w", err)
	}
	return s.Put(namespace, Pair{key, e})
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
	limit, err := seconds(q, "key_count_limit")
	if err != nil {
		return err
	}
	page, err := s.List(namespace, ListOptions{Prefix: q.Get("prefix"), Cursor: q.Get("cursor"), Limit: int(min(limit, MaxList))})
	if err != nil {
		return err
	}
	return writeJSON(w, struct {
		Keys     []Key  `json:"keys"`
		Complete bool   `json:"list_complete"`
		Cursor   string `json:"cursor,omitempty"`
	}{page.Keys, page.Cursor == "", page.Cursor})
}

func (s *Store) bulkGet(w http.ResponseWriter, r *http.Request, namespace string) error {
	var call struct {
		Keys         []string
		Type         string
		WithMetadata bool
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&call); err != nil {
		return &Error{http.StatusBadRequest, "the request is no JSON: " + err.Error()}
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
	if len(keys) == 0 || len(keys) > MaxBulkGet {
		return nil, &Error{http.StatusBadRequest, fmt.Sprintf("%d keys in one bulk get; it takes 1 to %d", len(keys), MaxBulkGet)}
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
		if all[key], err = bulkValue(key, e, asJSON, withMetadata); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func bulkValue(key string, e Entry, asJSON, withMetadata bool) (json.RawMessage, error) {
	value := json.RawMessage(e.Value)
	if asJSON && !json.Valid(value) {
		return nil, &Error{http.StatusBadRequest, fmt.Sprintf("At least one of the requested keys corresponds to a non-json value: %q", key)}
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
