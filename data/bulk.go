package data

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo"
)

// rows reads an array of objects. The array is taken apart first: what is wrong with one
// of them is told with its number.
func (h *resource) rows(r *http.Request) ([]row, error) {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return nil, err
	}
	parts, err := elements(body)
	if err != nil {
		return nil, err
	}
	if len(parts) > MaxBulk {
		return nil, tooMany(len(parts))
	}
	a := arena{schema: h.schema, expect: len(parts)}
	for i, part := range parts {
		if err := h.schema.decodeNew(part, a.next()); err != nil {
			return nil, at(i, err)
		}
	}
	return a.rows, nil
}

// elements are the texts of the elements of a JSON array.
func elements(body []byte) (parts [][]byte, err error) {
	s := scanner{b: body}
	fail := func(message string) ([][]byte, error) { return nil, &SyntaxError{Offset: s.i, Message: message} }
	if s.space() != '[' {
		return fail("this is no array")
	}
	s.i++
	if s.space() == ']' {
		s.i++
	} else {
		for more := true; more; s.i++ {
			s.space()
			start := s.i
			if !s.skip(1) {
				return nil, s.broken
			}
			parts = append(parts, body[start:s.i])
			switch s.space() {
			case ',':
			case ']':
				more = false
			default:
				return fail("a comma or ] is missing")
			}
		}
	}
	if s.space(); s.i < len(body) {
		return fail("something follows the end")
	}
	return parts, nil
}

func (h *resource) createMany(w http.ResponseWriter, r *http.Request) error {
	rows, err := h.rows(r)
	if err != nil {
		return err
	}
	if rows, err = h.table.createMany(r.Context(), rows); err != nil {
		return err
	}
	return h.sendRows(w, r, http.StatusCreated, rows)
}

func (h *resource) replaceMany(w http.ResponseWriter, r *http.Request) error {
	rows, err := h.rows(r)
	if err != nil {
		return err
	}
	s := h.schema
	for i, p := range rows {
		if s.value(p, s.Key) == s.noKey() {
			return at(i, &ValidationError{[]FieldError{s.Columns[s.Key].failure(missing, nil)}})
		}
	}
	if rows, err = h.table.updateMany(r.Context(), rows, s.writable&s.changeable()); err != nil {
		return err
	}
	return h.sendRows(w, r, http.StatusOK, rows)
}

func (h *resource) sendRows(w http.ResponseWriter, r *http.Request, status int, rows []row) error {
	b := h.appendRows([]byte(`{"success":true,"data":`), rows, h.schema.All())
	return send(w, r, status, append(b, '}'))
}

// deleteMany deletes the rows that the query names by their keys, and nothing without:
// a filter that was forgotten must not empty a table.
func (h *resource) deleteMany(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	name := h.schema.Columns[h.schema.Key].Name + "_in"
	if list := values[name]; err != nil || len(values) != 1 || len(list) != 1 || list[0] == "" {
		return invalidQuery(clodo.Field{Name: name, Code: RequiredFieldMissing, Message: "Rows are deleted by their keys: " + name + "=1,2,3, and nothing else."})
	}
	var ids []any
	for id := range strings.SplitSeq(values[name][0], ",") {
		ids = append(ids, id)
	}
	n, err := h.table.deleteMany(r.Context(), ids)
	if err != nil {
		return err
	}
	return send(w, r, http.StatusOK, append(strconv.AppendInt([]byte(`{"success":true,"data":{"deleted":`), int64(n), 10), "}}"...))
}
