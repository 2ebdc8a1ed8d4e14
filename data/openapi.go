package data

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo"
)

// Info is what an OpenAPI document says of a service as a whole.
type Info struct {
	Title       string
	Version     string // of the API; default: "1.0.0"
	Description string
}

// object is a JSON object.
type object = map[string]any

// OpenAPI answers with the OpenAPI 3.1 document of endpoints, made once from their
// models. It leaves out fields=, with which a row is not whole: clients that are made
// from it get whole rows.
//
//	app.Handle("GET /openapi.json", data.OpenAPI(data.Info{Title: "Shop"}, users, orders))
func OpenAPI(info Info, endpoints ...*Endpoint) http.Handler {
	document, err := json.Marshal(document(info, endpoints))
	if err != nil {
		panic("data: the OpenAPI document: " + err.Error()) // it has only what JSON has
	}
	etag := clodo.StrongETag(document)
	return clodo.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return answer(w, r, document, etag)
	})
}

func document(info Info, endpoints []*Endpoint) object {
	if info.Version == "" {
		info.Version = "1.0.0"
	}
	about := object{"title": info.Title, "version": info.Version}
	if info.Description != "" {
		about["description"] = info.Description
	}
	paths, schemas := object{}, object{"Problem": problemSchema(), "Pagination": paginationSchema()}
	named := map[string]bool{}
	for _, e := range endpoints {
		d := description{Endpoint: e, one: camel(e.schema.Name), many: camel(e.schema.Table)}
		if named[d.one] { // a model that is mounted twice
			d.one, d.many = camel(e.path)+d.one, camel(e.path)
		}
		if d.one == d.many {
			d.many += "List"
		}
		named[d.one] = true
		d.schemas(schemas)
		d.paths(paths)
	}
	components := object{"schemas": schemas}
	if slices.ContainsFunc(endpoints, func(e *Endpoint) bool { return e.options.Auth != nil }) {
		components["securitySchemes"] = object{"bearer": object{"type": "http", "scheme": "bearer"}}
	}
	return object{"openapi": "3.1.0", "info": about, "paths": paths, "components": components}
}

// description is an endpoint in a document, with the names that it has there.
type description struct {
	*Endpoint
	one, many string
}

// camel is a name or a path with a capital letter for each of its words.
func camel(name string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r >= 0x80 || !alphanumeric(byte(r)) }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func problemSchema() object {
	text := object{"type": "string"}
	return object{
		"type": "object", "required": []string{"title", "status"}, "description": "RFC 9457",
		"properties": object{
			"title": text, "status": object{"type": "integer"}, "detail": text, "code": text,
			"errors": object{"type": "array", "items": object{
				"type": "object", "required": []string{"field", "code", "message"}, "properties": object{"field": text, "code": text, "message": text},
			}},
		},
	}
}

func paginationSchema() object {
	known, perhaps, flag := object{"type": "integer"}, object{"type": []string{"integer", "null"}}, object{"type": "boolean"}
	return object{
		"type": "object", "required": []string{"total", "limit", "offset", "hasNext", "hasPrev", "totalPages", "currentPage", "next"},
		"properties": object{
			"total": perhaps, "limit": known, "offset": perhaps, "hasNext": flag, "hasPrev": flag, "totalPages": perhaps, "currentPage": perhaps,
			"next": object{"type": []string{"string", "null"}, "description": "the cursor of the next page"},
		},
	}
}

// schemas adds those of an endpoint's model: a row as it is read, as it is made, and as
// it is changed.
func (e *description) schemas(all object) {
	s := e.schema
	read, write, required := s.shown(), object{}, []string{}
	for i := range s.Columns {
		c := &s.Columns[i]
		if s.writable.Has(i) {
			write[c.Name] = c.openAPI()
		}
		if s.required.Has(i) && s.writable.Has(i) {
			required = append(required, c.Name)
		}
	}
	for _, name := range e.options.Include {
		r := s.Relation(name)
		related := r.Target.shown()
		if r.Kind == HasMany || r.Kind == ManyToMany {
			related = object{"type": "array", "items": related}
		}
		related["description"] = "with include=" + name
		read["properties"].(object)[name] = related
	}
	all[e.one] = read
	all[e.one+"Input"] = object{"type": "object", "properties": write, "required": required, "additionalProperties": false}
	all[e.one+"Patch"] = object{"type": "object", "properties": write, "additionalProperties": false}
	rows := object{"type": "array", "items": reference(e.one)}
	all[e.one+"Answer"] = envelope(object{"data": reference(e.one)})
	all[e.one+"List"] = envelope(object{"data": rows, "pagination": reference("Pagination")})
	all[e.one+"Rows"] = envelope(object{"data": rows})
}

// envelope is an answer with success and these members.
func envelope(members object) object {
	members["success"] = object{"type": "boolean"}
	return object{"type": "object", "required": slices.Sorted(maps.Keys(members)), "properties": members}
}

// shown is the schema of a row that is read.
func (s *Schema) shown() object {
	properties, required := object{}, []string{}
	for i := range s.Columns {
		if c := &s.Columns[i]; s.visible.Has(i) {
			properties[c.Name] = c.openAPI()
			required = append(required, c.Name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}
}

// openAPI is the JSON Schema of a column.
func (c *Column) openAPI() object {
	o := object{}
	kind := "string"
	switch c.Type {
	case Text:
		c.lengths(o)
		switch c.Pattern {
		case "email":
			o["format"] = "email"
		case "url":
			o["format"] = "uri"
		}
	case UUID:
		o["format"] = "uuid"
	case Datetime:
		o["format"] = "date-time"
	case Blob:
		o["contentEncoding"] = "base64"
	case Boolean:
		kind = "boolean"
	case Integer, Real:
		kind = "integer"
		if c.Type == Real {
			kind = "number"
		}
		if c.Min != nil {
			o["minimum"] = *c.Min
		}
		if c.Max != nil {
			o["maximum"] = *c.Max
		}
	case Enum:
		values := make([]any, 0, len(c.Values)+1)
		for _, v := range c.Values {
			values = append(values, v)
		}
		if c.Nullable {
			values = append(values, nil)
		}
		o["enum"] = values
	case JSON:
		kind = ""
	}
	switch {
	case kind == "":
	case c.Nullable:
		o["type"] = []string{kind, "null"}
	default:
		o["type"] = kind
	}
	switch {
	case c.Default == nil || c.Type == Datetime:
	case c.Type == Integer:
		o["default"] = c.preset.number
	case c.Type == Real:
		o["default"] = c.preset.real
	case c.Type == Boolean:
		o["default"] = c.preset.flag
	case c.Type.isText():
		o["default"] = c.preset.text
	}
	return o
}

func (c *Column) lengths(o object) {
	if c.Min != nil {
		o["minLength"] = int64(*c.Min)
	}
	if c.Max != nil {
		o["maxLength"] = int64(*c.Max)
	}
}
