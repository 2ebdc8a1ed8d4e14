// Package openapi reads a description of an API in OpenAPI 3.0 or 3.1 and writes typed
// clients of it, in Go and in TypeScript. What a client cannot express is a finding with
// its place in the file; nothing is dropped in silence.
package openapi

import (
	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// API is what a document describes, as far as a client needs it.
type API struct {
	File       string // as in positions
	Title      string
	Version    string
	Prefix     string       // the path of the server, such as "/v1", or ""
	Types      []*Type      // in the order in which they are met; names are unique
	Operations []*Operation // in the order of the file

	doc *source.Document
}

// Type is a schema with a name: one of the document's components, or an object or an
// enum written inside another schema.
type Type struct {
	Name   string // an exported identifier of Go, and a type's name in TypeScript
	Schema *Schema

	reading bool // its schema is being read
}

// Kind is the form of a Schema.
type Kind uint8

// The kinds of schemas. A Ref is a Type by its name; a Raw is content that is no JSON.
const (
	Any Kind = iota
	Null
	Bool
	Int
	Float
	String
	Time
	Enum    // of text
	IntEnum // of whole numbers
	List
	Map
	Object
	Union
	Ref
	Raw
)

// Schema is what a value looks like. Only the fields of its Kind are set.
type Schema struct {
	Kind     Kind
	Nullable bool
	Doc      string
	Type     *Type     // Ref
	Items    *Schema   // List and Map
	Fields   []Field   // Object
	Words    []string  // Enum, and IntEnum as written
	Members  []*Schema // Union
	Pos      diag.Position
}

// Field is one property of an Object.
type Field struct {
	Name     string // as in JSON
	Doc      string
	Required bool
	Schema   *Schema
}

// Operation is one method of one path.
type Operation struct {
	Name   string // an exported identifier of Go
	Method string // upper case
	Path   string // with {parameters}, without the server's prefix
	Doc    string
	Params []Param // those of the path first, in its order

	ParamsType string // a name for the type of those that are not in the path

	Body   *Content
	Result *Content // nil: an answer without content
	Pos    diag.Position
}

// Param is a value in the path, the query or a header.
type Param struct {
	Name     string
	In       string // "path", "query" or "header"
	Doc      string
	Required bool
	Joined   bool // a list in one value, separated by commas
	Schema   *Schema
}

// Content is what a request or an answer carries.
type Content struct {
	Media    string // such as "application/json"
	Required bool   // of a request
	Schema   *Schema
}

// finding warns of something that a client leaves open.
func (a *API) finding(pos diag.Position, message, why string) diag.Finding {
	f := a.doc.Finding("O104", pos, message, why, "")
	f.Severity = diag.SeverityWarning
	return f
}

// isNullable reports whether null is a value of s, where it stands or where it is named.
func (s *Schema) isNullable() bool {
	for range maxRefs {
		if s.Nullable || s.Kind == Null {
			return true
		}
		if s.Kind != Ref || s.Type.Schema == nil {
			return false
		}
		s = s.Type.Schema
	}
	return false
}

// form is the schema behind names.
func (s *Schema) form() *Schema {
	for range maxRefs {
		if s.Kind != Ref || s.Type.Schema == nil {
			return s
		}
		s = s.Type.Schema
	}
	return s
}

// maxRefs is how many names may stand for one another.
const maxRefs = 64
