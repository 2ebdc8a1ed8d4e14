package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
)

const (
	// typing are the keywords of a schema that say what its values look like.
	typing = "$ref type format nullable enum const properties required additionalProperties items allOf oneOf anyOf "
	// checking are those that only limit values: the service checks them.
	checking = "minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems minProperties maxProperties contentEncoding contentMediaType "
	// telling are those for people.
	telling = "title description default example examples deprecated writeOnly externalDocs xml $comment discriminator $id $schema $defs"
)

// named is the type of a schema that has a name, read once.
func (r *reader) named(pointer string, v *source.Value) *Type {
	if t := r.types[pointer]; t != nil {
		return t
	}
	key := pointer[strings.LastIndexByte(pointer, '/')+1:]
	key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
	t := &Type{Name: r.typeNames.unique(pascal(key)), reading: true}
	r.types[pointer] = t
	r.api.Types = append(r.api.Types, t)
	t.Schema = r.schema(v, t.Name, t)
	t.reading = false
	return t
}

// hoist gives an object or an enum inside another schema a name of its own. An enum that
// has the same values as one before is that one.
func (r *reader) hoist(s *Schema, name string) *Schema {
	if s.Kind != Object {
		for _, t := range r.api.Types {
			if t.Schema != nil && t.Schema.Kind == s.Kind && slices.Equal(t.Schema.Words, s.Words) {
				return &Schema{Kind: Ref, Type: t, Nullable: s.Nullable, Pos: s.Pos}
			}
		}
	}
	t := &Type{Name: r.typeNames.unique(pascal(name)), Schema: s}
	r.api.Types = append(r.api.Types, t)
	nullable := s.Nullable
	s.Nullable = false
	return &Schema{Kind: Ref, Type: t, Nullable: nullable, Pos: s.Pos}
}

// schema reads v. An object or an enum becomes the schema of the type self, or, with
// self nil, a new type called name.
func (r *reader) schema(v *source.Value, name string, self *Type) *Schema {
	if v == nil || v.Kind == source.Bool && v.Bool {
		return &Schema{Kind: Any, Pos: v.At()}
	}
	if v.Kind != source.Map {
		r.fail("O102", v.Pos, "a schema is a map, not "+v.Kind.String(), "", "")
		return &Schema{Kind: Any, Pos: v.Pos}
	}
	r.known(v, "a schema", typing+checking+telling+" readOnly")
	if v.Get("readOnly").True() {
		r.open(v.Get("readOnly").Pos, "a field that is read only can be set in the client's type", "one type is used for requests and answers")
	}
	s := r.form(v, name, self)
	s.Pos, s.Doc = v.Pos, v.Get("description").Str()
	if v.Get("nullable").True() {
		s.Nullable = true
	}
	if self == nil && (s.Kind == Object || s.Kind == Enum || s.Kind == IntEnum) {
		return r.hoist(s, name)
	}
	return s
}

func (r *reader) form(v *source.Value, name string, self *Type) *Schema {
	switch {
	case v.Has("$ref"):
		ref := v.Get("$ref")
		to := r.pointer(ref)
		if to == nil {
			return &Schema{Kind: Any}
		}
		r.beside(v, "$ref")
		return &Schema{Kind: Ref, Type: r.named(ref.Text, to)}
	case v.Has("allOf"):
		return r.allOf(v, name)
	case v.Has("oneOf"):
		r.beside(v, "oneOf")
		return r.union(v.Get("oneOf"), name)
	case v.Has("anyOf"):
		r.beside(v, "anyOf")
		return r.union(v.Get("anyOf"), name)
	case v.Has("const"):
		return r.enum(v.Get("const").Pos, []*source.Value{v.Get("const")})
	case v.Has("enum"):
		return r.enum(v.Get("enum").Pos, v.Get("enum").List())
	}
	return r.typed(v, name)
}

// beside warns of what stands beside a keyword that says all.
func (r *reader) beside(v *source.Value, keyword string) {
	for _, p := range v.Map() {
		if p.Key != keyword && p.Key != "nullable" && p.Key != "type" && slices.Contains(strings.Fields(typing), p.Key) {
			r.open(p.Pos, fmt.Sprintf("%q beside %q is left out", p.Key, keyword), "the client has the type of "+keyword+" alone")
		}
	}
}

// typed reads a schema by its type: one, or one and null.
func (r *reader) typed(v *source.Value, name string) *Schema {
	kinds := []*source.Value{v.Get("type")}
	if list := v.Get("type").List(); len(list) > 0 {
		kinds = list
	}
	var out []*Schema
	nullable := false
	for _, k := range kinds {
		if k.Str() == "null" {
			nullable = true
			continue
		}
		out = append(out, r.oneType(v, k, name))
	}
	switch len(out) {
	case 0:
		return &Schema{Kind: Null}
	case 1:
		out[0].Nullable = nullable
		return out[0]
	}
	for i, s := range out {
		if s.Kind == Object {
			out[i] = r.hoist(s, name)
		}
	}
	return &Schema{Kind: Union, Members: out, Nullable: nullable}
}

func (r *reader) oneType(v, kind *source.Value, name string) *Schema {
	switch kind.Str() {
	case "boolean":
		return &Schema{Kind: Bool}
	case "integer":
		return &Schema{Kind: Int}
	case "number":
		return &Schema{Kind: Float}
	case "string":
		switch v.Get("format").Str() {
		case "date-time":
			return &Schema{Kind: Time}
		case "binary":
			return &Schema{Kind: Raw}
		}
		return &Schema{Kind: String}
	case "array":
		return &Schema{Kind: List, Items: r.schema(v.Get("items"), name+"Item", nil)}
	case "object":
		return r.object(v, name)
	case "":
		if v.Has("properties") || v.Has("additionalProperties") {
			return r.object(v, name)
		}
		if v.Has("items") {
			return &Schema{Kind: List, Items: r.schema(v.Get("items"), name+"Item", nil)}
		}
		return &Schema{Kind: Any}
	}
	r.fail("O102", kind.Pos, fmt.Sprintf("there is no type %q", kind.Str()), "types are boolean, integer, number, string, array, object and null", "")
	return &Schema{Kind: Any}
}

func (r *reader) object(v *source.Value, name string) *Schema {
	more := v.Get("additionalProperties")
	if len(v.Get("properties").Map()) == 0 {
		if more != nil && more.Kind == source.Bool && !more.Bool {
			return &Schema{Kind: Object}
		}
		return &Schema{Kind: Map, Items: r.schema(more, name+"Value", nil)}
	}
	if more != nil && !(more.Kind == source.Bool && !more.Bool) {
		r.open(more.Pos, "properties beside those that are named are left out", "the client's type has the named ones")
	}
	s := &Schema{Kind: Object}
	required := map[string]bool{}
	for _, item := range v.Get("required").List() {
		required[item.Str()] = true
		if !v.Get("properties").Has(item.Str()) {
			r.open(item.Pos, fmt.Sprintf("%q is required and has no type", item.Str()), "it is not among the properties")
		}
	}
	for _, p := range v.Get("properties").Map() {
		field := r.schema(p.Value, name+" "+p.Key, nil)
		s.Fields = append(s.Fields, Field{Name: p.Key, Doc: p.Value.Get("description").Str(), Required: required[p.Key], Schema: field})
	}
	return s
}

// allOf puts the fields of objects together. One member alone is that member.
func (r *reader) allOf(v *source.Value, name string) *Schema {
	list := v.Get("allOf").List()
	own := v.Has("properties")
	if len(list) == 1 && !own {
		r.beside(v, "allOf")
		s := r.schema(list[0], name, nil)
		return &Schema{Kind: s.Kind, Type: s.Type, Items: s.Items, Fields: s.Fields, Members: s.Members, Nullable: s.Nullable}
	}
	out := &Schema{Kind: Object}
	add := func(fields []Field) {
		for _, f := range fields {
			at := slices.IndexFunc(out.Fields, func(have Field) bool { return have.Name == f.Name })
			if at < 0 {
				out.Fields = append(out.Fields, f)
				continue
			}
			f.Required = f.Required || out.Fields[at].Required
			out.Fields[at] = f
		}
	}
	required := v.Get("required").List()
	for _, item := range list {
		if item.Has("required") && !item.Has("properties") && !item.Has("$ref") { // only says which fields must be there
			required = append(required, item.Get("required").List()...)
			continue
		}
		if fields, ok := r.fieldsOf(item, name); ok {
			add(fields)
			continue
		}
		r.open(item.Pos, "a part of allOf is no object", "the client takes the whole as unknown")
		return &Schema{Kind: Any}
	}
	if own {
		add(r.object(v, name).Fields)
	}
	for _, item := range required {
		for i := range out.Fields {
			if out.Fields[i].Name == item.Str() {
				out.Fields[i].Required = true
			}
		}
	}
	return out
}

// fieldsOf is the fields of one part of allOf.
func (r *reader) fieldsOf(v *source.Value, name string) ([]Field, bool) {
	if ref := v.Get("$ref"); ref != nil {
		to := r.pointer(ref)
		if to == nil {
			return nil, true // reported
		}
		t := r.named(ref.Text, to)
		if t.reading {
			r.fail("O103", ref.Pos, t.Name+" is a part of itself", "allOf leads back to it", "")
			return nil, true
		}
		s := t.Schema.form()
		return s.Fields, s.Kind == Object
	}
	r.known(v, "a schema", typing+checking+telling+" readOnly")
	switch {
	case v.Has("allOf"):
		s := r.allOf(v, name)
		return s.form().Fields, s.form().Kind == Object
	case v.Has("properties"):
		return r.object(v, name).Fields, true
	}
	return nil, false
}

// union reads oneOf and anyOf: null among them makes the rest nullable.
func (r *reader) union(list *source.Value, name string) *Schema {
	out := &Schema{Kind: Union}
	for i, item := range list.List() {
		if item.Get("type").Str() == "null" {
			out.Nullable = true
			continue
		}
		out.Members = append(out.Members, r.schema(item, fmt.Sprintf("%s %d", name, i+1), nil))
	}
	switch len(out.Members) {
	case 0:
		return &Schema{Kind: Null}
	case 1:
		one := *out.Members[0]
		one.Nullable = one.Nullable || out.Nullable
		return &one
	}
	return out
}

// enum reads the values that are allowed: texts, or whole numbers.
func (r *reader) enum(pos diag.Position, list []*source.Value) *Schema {
	s := &Schema{Kind: Enum}
	kinds := map[source.Kind]bool{}
	for _, item := range list {
		if item.Kind == source.Null {
			s.Nullable = true
			continue
		}
		kinds[item.Kind] = true
		if !slices.Contains(s.Words, item.Text) {
			s.Words = append(s.Words, item.Text)
		}
	}
	switch {
	case len(kinds) == 0 && s.Nullable:
		return &Schema{Kind: Null}
	case len(kinds) == 1 && kinds[source.String]:
	case len(kinds) == 1 && kinds[source.Int]:
		s.Kind = IntEnum
	case len(kinds) == 1 && kinds[source.Bool]:
		return &Schema{Kind: Bool, Nullable: s.Nullable}
	default:
		r.open(pos, "this enum is neither all text nor all whole numbers", "the client takes its values as unknown")
		return &Schema{Kind: Any}
	}
	return s
}
