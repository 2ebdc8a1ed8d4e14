package vectorize

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// maxBody is what a Worker may send at once.
const maxBody = 100 << 20

// Binding answers workerd's Vectorize binding, version 2; id is ACCOUNT/INDEX.
func (s *Store) Binding(w http.ResponseWriter, r *http.Request, id string) {
	account, name, _ := strings.Cut(id, "/")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	answer, err := s.operate(r, account, name)
	status := http.StatusOK
	if err != nil {
		var refused *Error
		if !errors.As(err, &refused) {
			refused = refuse(http.StatusInternalServerError, 10000, "%s", err)
		}
		status, answer = refused.Status, map[string]any{"code": refused.Code, "error": refused.Message}
	}
	b, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // the Worker may be gone
}

func (s *Store) operate(r *http.Request, account, name string) (any, error) {
	ctx := r.Context()
	switch r.URL.Path {
	case "/info":
		return s.Info(ctx, account, name)
	case "/query":
		var q Query
		if err := decodeJSON(r, &q); err != nil {
			return nil, err
		}
		return s.Query(ctx, account, name, q)
	case "/insert", "/upsert":
		vectors, err := Parse(r.Body, false)
		if err != nil {
			return nil, err
		}
		if len(vectors) > MaxBoundBatch {
			return nil, refuse(http.StatusRequestEntityTooLarge, 40010, "a change by a Worker has at most %d vectors", MaxBoundBatch)
		}
		put := s.Insert
		if r.URL.Path == "/upsert" {
			put = s.Upsert
		}
		return changed(put(ctx, account, name, vectors))
	case "/getByIds", "/deleteByIds":
		var in struct {
			IDs []string `json:"ids"`
		}
		if err := decodeJSON(r, &in); err != nil {
			return nil, err
		}
		if r.URL.Path == "/getByIds" {
			return s.Get(ctx, account, name, in.IDs)
		}
		return changed(s.DeleteIDs(ctx, account, name, in.IDs))
	}
	return nil, refuse(http.StatusNotFound, 10001, "%s is no operation of Vectorize", r.URL.Path)
}

// changed is how a change is answered.
func changed(id string, err error) (any, error) {
	return map[string]string{"mutationId": id}, err
}

func decodeJSON(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return refuse(http.StatusBadRequest, 40001, "the request is not the JSON that was expected: %s", err)
	}
	return nil
}
