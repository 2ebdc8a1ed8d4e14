package openapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

// Read reads a document; the ending of name says whether it is JSON or YAML. The API is
// nil when one of the findings is an error. Warnings name what the client leaves open,
// such as a type that it takes as unknown.
func Read(name string, data []byte) (*API, []diag.Finding) {
	doc, found := source.Parse(name, data)
	if doc.Root == nil {
		return nil, found
	}
	r := &reader{doc: doc, found: found, types: map[string]*Type{}, typeNames: names{}, api: &API{File: name, doc: doc}}
	for reserved := range strings.FieldsSeq(goReserved) {
		r.typeNames[reserved] = true
	}
	r.document()
	diag.Sort(r.found)
	r.found = slices.Compact(r.found) // what several operations share is told once
	if diag.HasErrors(r.found) {
		return nil, r.found
	}
	return r.api, r.found
}

type reader struct {
	doc       *source.Document
	api       *API
	types     map[string]*Type // by JSON pointer
	typeNames names
	found     []diag.Finding
}

func (r *reader) fail(code string, pos diag.Position, message, why, fix string) {
	r.found = append(r.found, r.doc.Finding(code, pos, message, why, fix))
}

// open warns that the client does not express what is written at pos.
func (r *reader) open(pos diag.Position, message, why string) {
	r.found = append(r.found, r.api.finding(pos, message, why))
}

// known warns of every key of v that is not in list, and is no extension.
func (r *reader) known(v *source.Value, what, list string) {
	for _, p := range v.Map() {
		if !strings.HasPrefix(p.Key, "x-") && !slices.Contains(strings.Fields(list), p.Key) {
			r.open(p.Pos, fmt.Sprintf("%q of %s is not understood", p.Key, what), "the client does not know about it")
		}
	}
}

func (r *reader) document() {
	root := r.doc.Root
	version := root.Get("openapi")
	if root.Kind != source.Map || version.Str() == "" {
		fix := `it begins with "openapi": "3.1.0"`
		if root.Has("swagger") {
			fix = "convert it to OpenAPI 3: Swagger 2 is another form"
		}
		r.fail("O101", root.Pos, r.doc.Name+" is no OpenAPI document", "it has no version of OpenAPI", fix)
		return
	}
	if !strings.HasPrefix(version.Text, "3.0") && !strings.HasPrefix(version.Text, "3.1") {
		r.fail("O101", version.Pos, "OpenAPI "+version.Text+" is not understood", "3.0 and 3.1 are", "")
		return
	}
	r.known(root, "the document", "openapi info servers paths components tags externalDocs security jsonSchemaDialect")
	r.api.Title, r.api.Version = root.Get("info", "title").Str(), root.Get("info", "version").Str()
	r.server(root.Get("servers"))
	for _, p := range root.Get("components", "schemas").Map() { // first, so that they keep their names
		r.named("#/components/schemas/"+escape(p.Key), p.Value)
	}
	operations := names{"Base": true, "Transport": true, "Header": true, "Answered": true} // the client's fields
	for _, p := range root.Get("paths").Map() {
		if strings.HasPrefix(p.Key, "x-") {
			continue
		}
		if !strings.HasPrefix(p.Key, "/") {
			r.fail("O102", p.Pos, fmt.Sprintf("the path %q does not begin with a slash", p.Key), "", "")
			continue
		}
		r.path(p, operations)
	}
	if len(r.api.Operations) == 0 && !diag.HasErrors(r.found) {
		r.fail("O102", root.Pos, r.doc.Name+" has no operations", "a client would have no methods", "")
	}
	r.circles()
}

// server takes the path of the first server: where the host is, the caller says.
func (r *reader) server(list *source.Value) {
	for i, s := range list.List() {
		address := s.Get("url")
		switch {
		case i > 0:
			r.open(s.Pos, "a second server is left out", "the client's base address says which is meant; paths are those of the first")
			return
		case strings.Contains(address.Str(), "{"):
			r.open(address.At(), "the server's address has variables", "put its path into the client's base address")
		default:
			if u, err := url.Parse(address.Str()); err == nil {
				r.api.Prefix = strings.TrimRight(u.EscapedPath(), "/")
			} else {
				r.fail("O102", address.At(), "the server's address is no URL", "", "")
			}
		}
	}
}

// deref follows references that are no schemas: to parameters, bodies, answers.
func (r *reader) deref(v *source.Value) *source.Value {
	for range maxRefs {
		ref := v.Get("$ref")
		if ref == nil {
			return v
		}
		to := r.pointer(ref)
		if to == nil {
			return nil
		}
		v = to
	}
	r.fail("O103", v.At(), "this reference leads back to itself", "", "")
	return nil
}

// pointer is what a reference inside this document points to. Anything else has been
// reported.
func (r *reader) pointer(ref *source.Value) *source.Value {
	path, inside := strings.CutPrefix(ref.Str(), "#/")
	if !inside {
		r.fail("O103", ref.Pos, fmt.Sprintf("the reference %q leaves the file", ref.Str()), "a client is made of one file", "bundle the documents into one file first")
		return nil
	}
	v := r.doc.Root
	for part := range strings.SplitSeq(path, "/") {
		if u, err := url.PathUnescape(part); err == nil {
			part = u
		}
		v = v.Get(strings.NewReplacer("~1", "/", "~0", "~").Replace(part))
	}
	if v == nil {
		var near []string
		for _, p := range r.doc.Root.Get("components", "schemas").Map() {
			near = append(near, "#/components/schemas/"+p.Key)
		}
		fix := ""
		if n := diag.Nearest(ref.Text, near); n != "" {
			fix = "did you mean " + n + "?"
		}
		r.fail("O103", ref.Pos, fmt.Sprintf("there is nothing at %s", ref.Text), "", fix)
	}
	return v
}

// escape is a key as a part of a JSON pointer.
func escape(key string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(key) }

// circles reports names that stand for one another, or for one of several, and at last
// for themselves.
func (r *reader) circles() {
	for _, t := range r.api.Types {
		seen := map[*Type]bool{}
		var leads func(s *Schema) bool
		leads = func(s *Schema) bool {
			switch {
			case s == nil:
				return false
			case s.Kind == Union:
				return slices.ContainsFunc(s.Members, leads)
			case s.Kind != Ref:
				return false
			case s.Type == t:
				return true
			case seen[s.Type]:
				return false
			}
			seen[s.Type] = true
			return leads(s.Type.Schema)
		}
		if leads(t.Schema) {
			r.fail("O103", t.Schema.Pos, t.Name+" is defined by itself", "", "")
		}
	}
}
