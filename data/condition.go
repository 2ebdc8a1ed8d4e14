package data

import (
	"context"
	"errors"
	"net/http"

	"github.com/tamylaa/clodo"
)

// change makes a handler of a change to the row with the id of the path.
func (h *resource) change(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, key any, body []byte, l lock) (row, error)) error {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return err
	}
	key, err := h.table.id(r.PathValue("id"))
	if err != nil {
		return err
	}
	l, conditional, err := h.precondition(r, key)
	if err != nil {
		return err
	}
	p, err := do(r.Context(), key, body, l)
	if err != nil {
		return failed(err, conditional)
	}
	return h.sendRow(w, r, http.StatusOK, p)
}

// failed is a conflict as the client asked to be told: 412 when it named the state that
// it knows.
func failed(err error, conditional bool) error {
	if conditional && errors.Is(err, ErrConflict) {
		return &clodo.Problem{Status: http.StatusPreconditionFailed, Code: "precondition_failed", Detail: "It is not as If-Match says any more.", Err: err}
	}
	return err
}

// precondition reads the row when the request has a condition on it, and checks that.
// The lock holds it to be so until the row is written.
func (h *resource) precondition(r *http.Request, key any) (l lock, conditional bool, err error) {
	if r.Header.Get("If-Match") == "" && r.Header.Get("If-None-Match") == "" {
		return lock{}, false, nil
	}
	p, err := h.table.fresh(r.Context(), key)
	switch {
	case errors.Is(err, ErrNotFound):
		if wrong := clodo.CheckMatch(r, ""); wrong != nil {
			return lock{}, true, wrong
		}
		return lock{}, true, err
	case err != nil:
		return lock{}, true, err
	}
	if err := clodo.CheckMatch(r, h.etag(p)); err != nil {
		return lock{}, true, err
	}
	return h.table.lockOn(p), true, nil
}

func (h *resource) replace(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(ctx context.Context, key any, body []byte, l lock) (row, error) {
		a := arena{schema: h.schema}
		p := a.next()
		if err := h.schema.decodeNew(body, p); err != nil {
			return nil, err
		}
		if err := h.identify(p, key, &l); err != nil {
			return nil, err
		}
		return h.table.change(ctx, p, h.schema.writable&h.schema.changeable(), l)
	})
}

// patchTries is how often a patch is tried whose row others keep changing.
const patchTries = 16

func (h *resource) patch(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(ctx context.Context, key any, body []byte, l lock) (row, error) {
		for tries := 1; ; tries++ {
			p, again, err := h.patched(ctx, key, body, l)
			if !again || tries == patchTries || !errors.Is(err, ErrConflict) {
				return p, err
			}
		}
	})
}

// patched is a row after one attempt to patch it. When it fails because the row has changed,
// another attempt may be made if again is true: then it was read here, and not by the client.
func (h *resource) patched(ctx context.Context, key any, body []byte, l lock) (p row, again bool, err error) {
	s := h.schema
	a := arena{schema: s}
	p = a.next()
	if len(s.rules) > 0 { // they look at the whole row
		if p, err = h.table.fresh(ctx, key); err != nil {
			return nil, false, err
		}
		if l.version == 0 && l.guard == 0 {
			l, again = h.table.lockOn(p), true
		}
		s.mustSet(p, s.Key, s.noKey())
		if s.Version >= 0 {
			s.mustSet(p, s.Version, int64(0)) // what the body says
		}
	}
	given, err := s.decodePatch(body, p)
	if err != nil {
		return nil, false, err
	}
	again = again && s.version(p) == 0
	if err := h.identify(p, key, &l); err != nil {
		return nil, again, err
	}
	if len(s.rules) > 0 {
		if err := s.checkRules(p); err != nil {
			return nil, false, err
		}
	}
	p, err = h.table.change(ctx, p, given&s.changeable(), l)
	return p, again, err
}

// identify gives a row the key of its path, which its body may repeat. A version in the
// body is the one that the row must have.
func (h *resource) identify(p row, key any, l *lock) error {
	s := h.schema
	if own := s.value(p, s.Key); own != key && own != s.noKey() {
		name := s.Columns[s.Key].Name
		return &ValidationError{[]FieldError{{Field: name, Code: "KEY_MISMATCH", Message: "Field '" + name + "' is not that of the path"}}}
	}
	if v := s.version(p); v != 0 {
		if l.version != 0 && l.version != v {
			return conflict(s, key)
		}
		l.version = v
	}
	return s.setValue(p, s.Key, key)
}

// noKey is the key of a row that has none.
func (s *Schema) noKey() any {
	if s.Columns[s.Key].Type == Integer {
		return int64(0)
	}
	return ""
}

func (h *resource) delete(w http.ResponseWriter, r *http.Request) error {
	key, err := h.table.id(r.PathValue("id"))
	if err != nil {
		return err
	}
	l, conditional, err := h.precondition(r, key)
	if err != nil {
		return err
	}
	if err := h.table.delete(r.Context(), key, l); err != nil {
		return failed(err, conditional)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
