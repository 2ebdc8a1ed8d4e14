package data

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/tamylaa/clodo"
)

// ResourceOptions say how rows are reached over HTTP. The zero value lets everybody do
// everything.
type ResourceOptions struct {
	// Auth lets requests through or answers them, such as [clodo.Authenticate]. nil asks
	// nobody.
	Auth clodo.Middleware
	// PublicRead lets everybody read: Auth is for writing alone.
	PublicRead bool
	// Include are the relations that may be loaded with include=. The other rows are shown
	// to whoever may see these: none is the default.
	Include []string
	// ReadOnly leaves writing out: its methods are answered with 405.
	ReadOnly bool
}

// Endpoint is what Resource mounted, for [OpenAPI].
type Endpoint struct {
	schema  *Schema
	path    string // in front of everything, and without a final slash
	options ResourceOptions
}

// Resource answers these requests with the rows of a store:
//
//	GET    PATH                    a page of rows; see [Schema.ParseQuery]
//	POST   PATH                    makes a row
//	GET    PATH/{id}               a row; with include= and fields=
//	PUT    PATH/{id}               writes all fields of a row
//	PATCH  PATH/{id}               writes some fields of a row
//	DELETE PATH/{id}               deletes a row
//	POST   PATH/bulk               makes the rows of an array, all or none
//	PUT    PATH/bulk               writes all fields of the rows of an array, all or none
//	DELETE PATH/bulk?id_in=1,2,3   deletes rows
//
// and HEAD as GET. Answers are {"success": true, "data": …}, of a list with "pagination".
// Errors are application/problem+json: 400 for a query or an id that is none, 404, 409
// for a row that was changed meanwhile or a value that another row has, 412 when If-Match
// or If-None-Match does not hold, 413, 415, and 422 for a row that is not as the model
// wants it, with the field, code and message of everything that is wrong.
func Resource[T any](r *clodo.Router, path string, s *Store[T], o ResourceOptions) *Endpoint {
	path = "/" + strings.Trim(path, "/")
	for _, name := range o.Include {
		if s.schema.Relation(name) == nil {
			panic(fmt.Sprintf("data: %s has no relation %q that %s could include", s.schema.Name, name, path))
		}
	}
	h := &resource[T]{store: s, path: r.Prefix() + path, include: o.Include}
	read, write := r.Group(""), r.Group("")
	if o.Auth != nil {
		write.Use(o.Auth)
		if !o.PublicRead {
			read.Use(o.Auth)
		}
	}
	one := path + "/{id}"
	read.Route("GET "+path, h.list)
	read.Route("GET "+one, h.get)
	if !o.ReadOnly {
		write.Route("POST "+path, h.create)
		write.Route("POST "+path+"/bulk", h.createMany)
		write.Route("PUT "+path+"/bulk", h.replaceMany)
		write.Route("DELETE "+path+"/bulk", h.deleteMany)
		write.Route("PUT "+one, h.replace)
		write.Route("PATCH "+one, h.patch)
		write.Route("DELETE "+one, h.delete)
	}
	return &Endpoint{s.schema, h.path, o}
}

type resource[T any] struct {
	store   *Store[T]
	path    string
	include []string
}

func (h *resource[T]) list(w http.ResponseWriter, r *http.Request) error {
	s := h.store.schema
	q, fields, err := h.query(r)
	if err != nil {
		return err
	}
	page, err := h.store.List(r.Context(), *q)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, 256+200*len(page.Rows)), `{"success":true,"data":[`...)
	for i := range page.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendJSON(b, rowOf(&page.Rows[i]), fields)
	}
	b = append(b, `],"pagination":`...)
	b = page.appendPagination(b, q.After != "")
	b = append(b, '}')
	return answer(w, r, b, clodo.StrongETag(b))
}

// query reads the query of a URL, and which columns the client wants to see: others are
// read when the list needs them.
func (h *resource[T]) query(r *http.Request) (*Query, Mask, error) {
	q, err := h.store.schema.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range q.Include {
		if !slices.Contains(h.include, name) {
			return nil, 0, invalidQuery(unknownRelation(name))
		}
	}
	l := listing{}
	if wrong := l.choose(h.store.schema, q.Fields); wrong != nil {
		return nil, 0, invalidQuery(wrong...)
	}
	return q, l.fields, nil
}

// appendPagination is the object that the JavaScript framework had, with the cursor of
// the next page. What is not known is null: the totals unless they were asked for, and
// which page it is behind a cursor.
func (p *Page[T]) appendPagination(b []byte, behindCursor bool) []byte {
	whole := func(name string, v int64, known bool) {
		b = append(append(b, name...), ':')
		if !known {
			b = append(b, "null"...)
			return
		}
		b = strconv.AppendInt(b, v, 10)
	}
	total := int64(0)
	if p.Total != nil {
		total = *p.Total
	}
	limit := int64(p.Limit)
	whole(`{"total"`, total, p.Total != nil)
	whole(`,"limit"`, limit, true)
	whole(`,"offset"`, int64(p.Offset), !behindCursor)
	b = strconv.AppendBool(append(b, `,"hasNext":`...), p.HasNext())
	b = strconv.AppendBool(append(b, `,"hasPrev":`...), p.HasPrev)
	whole(`,"totalPages"`, (total+limit-1)/limit, p.Total != nil)
	whole(`,"currentPage"`, int64(p.Offset)/limit+1, !behindCursor)
	b = append(b, `,"next":`...)
	if p.Next == "" {
		return append(b, "null}"...)
	}
	return append(appendText(b, p.Next), '}')
}

func (h *resource[T]) get(w http.ResponseWriter, r *http.Request) error {
	q, fields, err := h.query(r)
	if err != nil {
		return err
	}
	if len(q.Filter.parts) > 0 || q.Sort != nil || q.Limit != 0 || q.Offset != 0 || q.After != "" || q.Count {
		return invalidQuery(clodo.Field{Name: "query", Code: "NOT_A_LIST", Message: "A single row takes fields and include alone."})
	}
	row, err := h.store.Get(r.Context(), r.PathValue("id"), q.Include...)
	if err != nil {
		return err
	}
	b := h.body(&row, fields)
	etag := h.etag(&row)
	if len(q.Include) > 0 {
		etag = clodo.StrongETag(b) // the other rows change without this one
	}
	return answer(w, r, b, etag)
}

// body is an answer with one row.
func (h *resource[T]) body(row *T, fields Mask) []byte {
	b := append(make([]byte, 0, 512), `{"success":true,"data":`...)
	return append(h.store.schema.appendJSON(b, rowOf(row), fields), '}')
}

// etag is the entity tag of a row: its version, or else all of it.
func (h *resource[T]) etag(row *T) string {
	s := h.store.schema
	if s.Version >= 0 {
		return clodo.WeakETag(strconv.FormatInt(s.version(rowOf(row)), 10))
	}
	var bare T // without relations
	h.store.copyColumns(rowOf(&bare), rowOf(row))
	return clodo.StrongETag(s.appendJSON(nil, rowOf(&bare), s.All()))
}

// copyColumns copies the values of columns, not what they point at.
func (t *table) copyColumns(to, from unsafe.Pointer) {
	for i := range t.schema.Columns {
		if err := t.schema.setValue(to, i, t.schema.value(from, i)); err != nil {
			panic(err) // it is a value that a row has
		}
	}
}

// answer sends JSON, or 304 to who has it.
func answer(w http.ResponseWriter, r *http.Request, b []byte, etag string) error {
	w.Header().Set("Cache-Control", "no-cache") // ask again, with the tag
	if clodo.NotModified(w, r, etag) {
		return nil
	}
	return send(w, r, http.StatusOK, b)
}

func send(w http.ResponseWriter, r *http.Request, status int, b []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may be gone
	}
	return nil
}

func (h *resource[T]) create(w http.ResponseWriter, r *http.Request) error {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return err
	}
	var row T
	if err := h.store.schema.decodeNew(body, rowOf(&row)); err != nil {
		return err
	}
	if row, err = h.store.Create(r.Context(), row); err != nil {
		return err
	}
	id := fmt.Sprint(h.store.schema.value(rowOf(&row), h.store.schema.Key))
	w.Header().Set("Location", h.path+"/"+url.PathEscape(id))
	w.Header().Set("Etag", h.etag(&row))
	return send(w, r, http.StatusCreated, h.body(&row, h.store.schema.All()))
}

// change makes a handler of a change to the row with the id of the path.
func (h *resource[T]) change(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, key any, body []byte, l lock) (T, error)) error {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return err
	}
	key, err := h.store.id(r.PathValue("id"))
	if err != nil {
		return err
	}
	l, conditional, err := h.precondition(r, key)
	if err != nil {
		return err
	}
	row, err := do(r.Context(), key, body, l)
	if err != nil {
		return failed(err, conditional)
	}
	w.Header().Set("Etag", h.etag(&row))
	return send(w, r, http.StatusOK, h.body(&row, h.store.schema.All()))
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
func (h *resource[T]) precondition(r *http.Request, key any) (l lock, conditional bool, err error) {
	if r.Header.Get("If-Match") == "" && r.Header.Get("If-None-Match") == "" {
		return lock{}, false, nil
	}
	row, err := h.store.fresh(r.Context(), key)
	switch {
	case errors.Is(err, ErrNotFound):
		if wrong := clodo.CheckMatch(r, ""); wrong != nil {
			return lock{}, true, wrong
		}
		return lock{}, true, err
	case err != nil:
		return lock{}, true, err
	}
	if err := clodo.CheckMatch(r, h.etag(&row)); err != nil {
		return lock{}, true, err
	}
	return h.store.lockOn(&row), true, nil
}

func (h *resource[T]) replace(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(ctx context.Context, key any, body []byte, l lock) (row T, err error) {
		s := h.store.schema
		if err := s.decodeNew(body, rowOf(&row)); err != nil {
			return row, err
		}
		if err := h.identify(&row, key); err != nil {
			return row, err
		}
		if v := s.version(rowOf(&row)); l.version == 0 && l.guard == 0 {
			l.version = v
		}
		return h.store.change(ctx, row, s.writable&s.changeable(), l)
	})
}

// identify gives a row the key of its path. A body may repeat it.
func (h *resource[T]) identify(row *T, key any) error {
	s := h.store.schema
	if own := s.value(rowOf(row), s.Key); own != key && own != "" && own != int64(0) {
		name := s.Columns[s.Key].Name
		return &ValidationError{[]FieldError{{Field: name, Code: "KEY_MISMATCH", Message: "Field '" + name + "' is not that of the path"}}}
	}
	return s.setValue(rowOf(row), s.Key, key)
}

func (h *resource[T]) patch(w http.ResponseWriter, r *http.Request) error {
	return h.change(w, r, func(ctx context.Context, key any, body []byte, l lock) (row T, err error) {
		s := h.store.schema
		if len(s.rules) > 0 { // they look at the whole row
			if row, err = h.store.fresh(ctx, key); err != nil {
				return row, err
			}
			if l.version == 0 && l.guard == 0 {
				l = h.store.lockOn(&row)
			}
			if err := s.setValue(rowOf(&row), s.Key, h.noKey()); err != nil {
				return row, err
			}
			if s.Version >= 0 {
				s.Columns[s.Version].field.setInt(rowOf(&row), 0)
			}
		}
		given, err := s.decodePatch(body, rowOf(&row))
		if err != nil {
			return row, err
		}
		if err := h.identify(&row, key); err != nil {
			return row, err
		}
		if v := s.version(rowOf(&row)); v != 0 {
			if l.version != 0 && l.version != v {
				return row, conflict(s, key)
			}
			l.version = v
		}
		if len(s.rules) > 0 {
			if err := s.checkRules(rowOf(&row)); err != nil {
				return row, err
			}
		}
		return h.store.change(ctx, row, given&s.changeable(), l)
	})
}

// noKey is the key of a row that has none.
func (h *resource[T]) noKey() any {
	if s := h.store.schema; s.Columns[s.Key].Type == Integer {
		return int64(0)
	}
	return ""
}

func (h *resource[T]) delete(w http.ResponseWriter, r *http.Request) error {
	key, err := h.store.id(r.PathValue("id"))
	if err != nil {
		return err
	}
	l, conditional, err := h.precondition(r, key)
	if err != nil {
		return err
	}
	if err := h.store.delete(r.Context(), key, l); err != nil {
		return failed(err, conditional)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
