package data

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

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
	return mount(r, path, s.table, o)
}

func mount(r *clodo.Router, path string, t *table, o ResourceOptions) *Endpoint {
	path = "/" + strings.Trim(path, "/")
	for _, name := range o.Include {
		if t.schema.Relation(name) == nil {
			panic(fmt.Sprintf("data: %s has no relation %q that %s could include", t.schema.Name, name, path))
		}
	}
	h := &resource{table: t, schema: t.schema, path: r.Prefix() + path, include: o.Include}
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
	return &Endpoint{t.schema, h.path, o}
}

type resource struct {
	table   *table
	schema  *Schema
	path    string
	include []string
}

func (h *resource) list(w http.ResponseWriter, r *http.Request) error {
	q, fields, err := h.query(r)
	if err != nil {
		return err
	}
	page, err := h.table.list(r.Context(), q)
	if err != nil {
		return err
	}
	b := append(make([]byte, 0, 256+200*len(page.rows)), `{"success":true,"data":`...)
	b = append(h.appendRows(b, page.rows, fields), `,"pagination":`...)
	b = append(page.appendPagination(b, q.After != ""), '}')
	return answer(w, r, b, clodo.StrongETag(b))
}

// appendRows appends rows as an array.
func (h *resource) appendRows(b []byte, rows []row, fields Mask) []byte {
	b = append(b, '[')
	for i, p := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.schema.appendJSON(b, p, fields)
	}
	return append(b, ']')
}

// query reads the query of a URL, and which columns the client wants to see: others are
// read when the list needs them.
func (h *resource) query(r *http.Request) (*Query, Mask, error) {
	q, err := h.schema.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range q.Include {
		if !slices.Contains(h.include, name) {
			return nil, 0, invalidQuery(unknownRelation(name))
		}
	}
	l := listing{}
	if wrong := l.choose(h.schema, q.Fields); wrong != nil {
		return nil, 0, invalidQuery(wrong...)
	}
	return q, l.fields, nil
}

// appendPagination is the object that the JavaScript framework had, with the cursor of
// the next page. What is not known is null: the totals unless they were asked for, and
// which page it is behind a cursor.
func (p *page) appendPagination(b []byte, behindCursor bool) []byte {
	total, limit := int64(0), int64(p.limit)
	if p.total != nil {
		total = *p.total
	}
	for _, m := range []struct {
		name  string
		value int64
		known bool
	}{
		{`{"total":`, total, p.total != nil},
		{`,"limit":`, limit, true},
		{`,"offset":`, int64(p.offset), !behindCursor},
		{`,"totalPages":`, (total + limit - 1) / limit, p.total != nil},
		{`,"currentPage":`, int64(p.offset)/limit + 1, !behindCursor},
	} {
		b = append(b, m.name...)
		if m.known {
			b = strconv.AppendInt(b, m.value, 10)
		} else {
			b = append(b, "null"...)
		}
	}
	b = strconv.AppendBool(append(b, `,"hasNext":`...), p.next != "")
	b = strconv.AppendBool(append(b, `,"hasPrev":`...), p.hasPrev)
	b = append(b, `,"next":`...)
	if p.next == "" {
		return append(b, "null}"...)
	}
	return append(appendText(b, p.next), '}')
}

func (h *resource) get(w http.ResponseWriter, r *http.Request) error {
	q, fields, err := h.query(r)
	if err != nil {
		return err
	}
	if len(q.Filter.parts) > 0 || q.Sort != nil || q.Limit != 0 || q.Offset != 0 || q.After != "" || q.Count {
		return invalidQuery(clodo.Field{Name: "query", Code: "NOT_A_LIST", Message: "A single row takes fields and include alone."})
	}
	p, err := h.table.get(r.Context(), r.PathValue("id"), q.Include)
	if err != nil {
		return err
	}
	b := h.body(p, fields)
	etag := ""
	if len(q.Include) > 0 {
		etag = clodo.StrongETag(b) // the other rows change without this one
	} else {
		etag = h.etag(p)
	}
	return answer(w, r, b, etag)
}

// body is an answer with one row.
func (h *resource) body(p row, fields Mask) []byte {
	b := append(make([]byte, 0, 512), `{"success":true,"data":`...)
	return append(h.schema.appendJSON(b, p, fields), '}')
}

// etag is the entity tag of a row without relations: its version, or else all of it.
func (h *resource) etag(p row) string {
	if h.schema.Version >= 0 {
		return clodo.WeakETag(strconv.FormatInt(h.schema.version(p), 10))
	}
	return clodo.StrongETag(h.schema.appendJSON(nil, p, h.schema.All()))
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

// sendRow answers a write.
func (h *resource) sendRow(w http.ResponseWriter, r *http.Request, status int, p row) error {
	w.Header().Set("Etag", h.etag(p))
	return send(w, r, status, h.body(p, h.schema.All()))
}

func (h *resource) create(w http.ResponseWriter, r *http.Request) error {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return err
	}
	a := arena{schema: h.schema}
	p := a.next()
	if err := h.schema.decodeNew(body, p); err != nil {
		return err
	}
	if p, err = h.table.create(r.Context(), p); err != nil {
		return err
	}
	id := fmt.Sprint(h.schema.value(p, h.schema.Key))
	w.Header().Set("Location", h.path+"/"+url.PathEscape(id))
	return h.sendRow(w, r, http.StatusCreated, p)
}
