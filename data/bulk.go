package data

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo"
)

// rows reads an array of objects. The array is taken apart first: what is wrong with one
// of them is told with its number.
func (h *resource[T]) rows(r *http.Request) ([]T, error) {
	body, err := clodo.ReadJSON(r)
	if err != nil {
		return nil, err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(body, &parts); err != nil {
		return nil, &SyntaxError{Message: "this is no array of objects"}
	}
	if len(parts) > MaxBulk {
		return nil, tooMany(len(parts))
	}
	rows := make([]T, len(parts))
	for i, part := range parts {
		if err := h.store.schema.decodeNew(part, rowOf(&rows[i])); err != nil {
			return nil, at(i, err)
		}
	}
	return rows, nil
}

func (h *resource[T]) createMany(w http.ResponseWriter, r *http.Request) error {
	rows, err := h.rows(r)
	if err != nil {
		return err
	}
	if rows, err = h.store.CreateMany(r.Context(), rows); err != nil {
		return err
	}
	return h.sendMany(w, r, http.StatusCreated, rows)
}

func (h *resource[T]) replaceMany(w http.ResponseWriter, r *http.Request) error {
	rows, err := h.rows(r)
	if err != nil {
		return err
	}
	s := h.store.schema
	for i := range rows {
		if key := &s.Columns[s.Key]; s.value(rowOf(&rows[i]), s.Key) == h.noKey() {
			return at(i, &ValidationError{[]FieldError{key.failure(missing, nil)}})
		}
	}
	if rows, err = h.store.updateMany(r.Context(), rows, s.writable&s.changeable()); err != nil {
		return err
	}
	return h.sendMany(w, r, http.StatusOK, rows)
}

func (h *resource[T]) sendMany(w http.ResponseWriter, r *http.Request, status int, rows []T) error {
	b := []byte(`{"success":true,"data":[`)
	for i := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = h.store.schema.appendJSON(b, rowOf(&rows[i]), h.store.schema.All())
	}
	return send(w, r, status, append(b, "]}"...))
}

// deleteMany deletes the rows that the query names by their keys, and nothing without:
// a filter that was forgotten must not empty a table.
func (h *resource[T]) deleteMany(w http.ResponseWriter, r *http.Request) error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	name := h.store.schema.Columns[h.store.schema.Key].Name + "_in"
	if list := values[name]; err != nil || len(values) != 1 || len(list) != 1 || list[0] == "" {
		return invalidQuery(clodo.Field{Name: name, Code: RequiredFieldMissing, Message: "Rows are deleted by their keys: " + name + "=1,2,3, and nothing else."})
	}
	var ids []any
	for id := range strings.SplitSeq(values[name][0], ",") {
		ids = append(ids, id)
	}
	n, err := h.store.DeleteMany(r.Context(), ids...)
	if err != nil {
		return err
	}
	b, err := json.Marshal(map[string]any{"success": true, "data": map[string]int{"deleted": n}})
	if err != nil {
		return err
	}
	return send(w, r, http.StatusOK, b)
}
