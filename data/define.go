package data

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// definition makes a schema, and those of the models that its relations lead to. They
// come from the types alone, so that two models may lead to each other.
type definition struct {
	root     reflect.Type
	patterns map[string]func(string) bool // of the root
	made     map[reflect.Type]*Schema
	pending  []pendingRelation
}

// pendingRelation is one whose target may not be made yet.
type pendingRelation struct {
	from *Schema
	name string
	path string // of the field, for messages
}

// define makes the schema of a struct, or panics.
func define(t reflect.Type, patterns map[string]func(string) bool) *Schema {
	d := &definition{root: t, patterns: patterns, made: map[reflect.Type]*Schema{}}
	s := d.schema(t)
	for len(d.pending) > 0 {
		p := d.pending[0]
		d.pending = d.pending[1:]
		d.link(p)
	}
	return s
}

// wrong is a mistake in a definition. It is not inlined, as it is called in fifty places.
//
//go:noinline
func wrong(place, format string, args ...any) {
	panic("data: " + place + ": " + fmt.Sprintf(format, args...))
}

func (d *definition) schema(t reflect.Type) *Schema {
	if s := d.made[t]; s != nil {
		return s
	}
	if t.Kind() != reflect.Struct || t.Name() == "" {
		wrong(t.String(), "a model is a struct with a name")
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	s := &Schema{Name: name, Table: strings.ToLower(name), typ: t, byName: map[string]int{}, Key: -1, Created: -1, Updated: -1, Version: -1, Deleted: -1}
	d.made[t] = s
	d.fields(s, t, 0, t.String())
	if len(s.Columns) == 0 {
		wrong(t.String(), "it has no columns")
	}
	if len(s.Columns) > maxColumns {
		wrong(t.String(), "it has %d columns; a model has at most %d", len(s.Columns), maxColumns)
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		if c.Required && !c.Hidden { // what is hidden the service gives
			s.required = s.required.With(i)
		}
		if !c.Hidden {
			s.byLength[len(c.Name)] = append(s.byLength[len(c.Name)], uint8(i))
			s.visible = s.visible.With(i)
			if !c.ReadOnly {
				s.writable = s.writable.With(i)
			}
		}
	}
	for _, index := range s.Indexes {
		for _, name := range index.Columns {
			if _, ok := s.byName[name]; !ok {
				wrong(t.String(), "its index is over %q, which is none of its columns", name)
			}
		}
	}
	return s
}

// fields adds the fields of a struct, those of embedded structs as its own.
func (d *definition) fields(s *Schema, t reflect.Type, offset uintptr, path string) {
	for i := range t.NumField() {
		f := t.Field(i)
		text, tagged := f.Tag.Lookup("data")
		at := path + "." + f.Name
		switch {
		case f.Type == reflect.TypeFor[Table]():
			d.table(s, text, at)
		case text == "-" || f.Name == "_":
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !tagged:
			d.fields(s, f.Type, offset+f.Offset, at)
		case !f.IsExported():
			if tagged {
				wrong(at, "it has a data tag, and its name begins with a small letter")
			}
		default:
			parsed, err := parseTag(text)
			if err != nil {
				wrong(at, "%v", err)
			}
			if parsed.name == "" {
				parsed.name = snake(f.Name)
			}
			if !isName(parsed.name) {
				wrong(at, "%q cannot be the name of a column: letters, digits and _, at most 63", parsed.name)
			}
			if _, ok := s.byName[parsed.name]; ok || s.Relation(parsed.name) != nil {
				wrong(at, "another field is called %q too", parsed.name)
			}
			if isRelation(parsed) {
				d.relation(s, f, offset+f.Offset, parsed, at)
			} else {
				d.column(s, f, offset+f.Offset, parsed, at)
			}
		}
	}
}

// table reads the tag of a field of type Table.
func (d *definition) table(s *Schema, text, at string) {
	parsed, err := parseTag(text)
	if err != nil {
		wrong(at, "%v", err)
	}
	if parsed.name != "" {
		s.Table = parsed.name
	}
	if !isName(s.Table) {
		wrong(at, "%q cannot be the name of a table: letters, digits and _, at most 63, not beginning with sqlite_", s.Table)
	}
	switch name := strings.ToLower(s.Table); {
	case strings.HasPrefix(name, "_cf_"), name == "d1_migrations", name == "clodo_migrations":
		wrong(at, "the name %q is taken by Cloudflare or clodo", s.Table)
	}
	for _, o := range parsed.options {
		switch o.key {
		case "database":
			s.Database = o.value
		case "index", "unique":
			s.Indexes = append(s.Indexes, Index{Columns: strings.Split(o.value, "+"), Unique: o.key == "unique"})
		default:
			wrong(at, "there is no option %q; a table has database, index and unique", o.key)
		}
	}
}

// goTypes are the types of columns by what a field is in Go.
func goTypes(t reflect.Type) (Type, bool) {
	switch t.Kind() {
	case reflect.String:
		return Text, true
	case reflect.Bool:
		return Boolean, true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return Integer, true
	case reflect.Float32, reflect.Float64:
		return Real, true
	case reflect.Slice:
		if t == reflect.TypeFor[json.RawMessage]() {
			return JSON, true
		}
		return Blob, t.Elem() == reflect.TypeFor[byte]()
	case reflect.Struct:
		return Datetime, t == reflect.TypeFor[time.Time]()
	}
	return 0, false
}

// column adds a column.
func (d *definition) column(s *Schema, f reflect.StructField, offset uintptr, parsed tag, at string) {
	c := Column{Name: parsed.name, quoted: strconv.Quote(parsed.name) + ":"}
	value := f.Type
	if value.Kind() == reflect.Pointer {
		value, c.Nullable = value.Elem(), true
	}
	var ok bool
	if c.Type, ok = goTypes(value); !ok {
		wrong(at, "no column can hold the Go type %s; a relation needs one of belongsTo, hasOne, hasMany and manyToMany in its tag, and data:\"-\" leaves a field out", f.Type)
	}
	c.field = field{offset: offset, kind: value.Kind(), pointer: c.Nullable}
	number := len(s.Columns)
	role := func(column *int, want ...Type) {
		if *column >= 0 {
			wrong(at, "%q has that meaning already", s.Columns[*column].Name)
		}
		if !slices.Contains(want, c.Type) {
			wrong(at, "a column of type %s cannot have that meaning", c.Type)
		}
		*column = number
	}
	for _, o := range parsed.options {
		takes := takesValue(o.key)
		if takes && o.value == "" && o.key != "default" {
			wrong(at, "the option %s needs a value", o.key)
		}
		switch o.key {
		case "key":
			role(&s.Key, Text, UUID, Integer)
			if c.Nullable {
				wrong(at, "a key cannot be null")
			}
		case "required":
			c.Required = true
		case "unique":
			c.Unique = true
		case "index":
			s.Indexes = append(s.Indexes, Index{Columns: []string{c.Name}})
		case "hidden":
			c.Hidden = true
		case "readonly":
			c.ReadOnly = true
		case "uuid", "enum":
			if c.Type != Text {
				wrong(at, "the option %s is for a string", o.key)
			}
			c.Type = UUID
			if o.key == "enum" {
				c.Type, c.Values = Enum, strings.Split(o.value, "|")
			}
		case "default":
			c.Default = &o.value
		case "min", "max", "len":
			bound(&c, o, at)
		case "pattern":
			c.Pattern = o.value
		case "created":
			role(&s.Created, Datetime)
			c.ReadOnly = true
		case "updated":
			role(&s.Updated, Datetime)
			c.ReadOnly = true
		case "version":
			role(&s.Version, Integer)
			if c.Nullable {
				wrong(at, "a version cannot be null")
			}
		case "deleted":
			role(&s.Deleted, Datetime)
			if !c.Nullable {
				wrong(at, "a row that is not deleted has null here: the field has to be a *time.Time")
			}
			c.ReadOnly = true
		default:
			wrong(at, "there is no option %q", o.key)
		}
		if !takes && o.value != "" {
			wrong(at, "the option %s has no value", o.key)
		}
	}
	d.finish(s, &c, at)
	c.setMessages()
	s.byName[c.Name] = number
	s.Columns = append(s.Columns, c)
}

// takesValue reports whether an option of a column has a value.
func takesValue(option string) bool {
	switch option {
	case "enum", "default", "min", "max", "len", "pattern":
		return true
	}
	return false
}

// bound reads min, max or len.
func bound(c *Column, o option, at string) {
	v, err := strconv.ParseFloat(o.value, 64)
	if err != nil || v != v || v > 1<<53 || v < -1<<53 {
		wrong(at, "%s=%s is no number that a column can be compared with", o.key, o.value)
	}
	if c.Type != Real && v != float64(int64(v)) {
		wrong(at, "%s=%s has to be a whole number", o.key, o.value)
	}
	limit := bounds{set: true, whole: int64(v), number: v}
	if o.key != "max" {
		c.Min, c.min = &v, limit
	}
	if o.key != "min" {
		c.Max, c.max = &v, limit
	}
}

// finish checks what the options of a column say together.
func (d *definition) finish(s *Schema, c *Column, at string) {
	counted := c.Type == Text || c.Type == Blob
	switch {
	case (c.Min != nil || c.Max != nil) && !counted && c.Type != Integer && c.Type != Real:
		wrong(at, "min, max and len are for text, blobs and numbers, not for the type %s", c.Type)
	case counted && c.Min != nil && *c.Min < 0:
		wrong(at, "a length is not negative")
	case c.Min != nil && c.Max != nil && *c.Min > *c.Max:
		wrong(at, "its min is above its max")
	case c.Required && c.Default != nil:
		wrong(at, "what is required cannot have a default")
	case c.Required && c.ReadOnly:
		wrong(at, "what is required cannot be readonly: nobody could give it")
	case len(s.Columns) == s.Key && (c.Required || c.Default != nil):
		wrong(at, "a key is made when it is not given; it is neither required nor has it a default")
	}
	for i, v := range c.Values {
		if v == "" || v != strings.TrimSpace(v) || slices.Contains(c.Values[:i], v) {
			wrong(at, "the values of enum are texts that differ, separated by |")
		}
	}
	if c.Type == Enum && !c.Nullable && !c.Required && c.Default == nil {
		wrong(at, "an enum needs one of required, default=… and a pointer: the empty text is none of its values")
	}
	if c.Pattern != "" {
		if c.Type != Text {
			wrong(at, "a pattern is for text, not for the type %s", c.Type)
		}
		if c.matches = d.patterns[c.Pattern]; c.matches == nil {
			c.matches = builtin(c.Pattern)
		}
		if c.matches == nil && s.typ == d.root { // the rows of another model are not checked by this one
			wrong(at, "there is no pattern %q; there are %s, and those of Options.Patterns", c.Pattern, strings.Join(patternNames(), ", "))
		}
	}
	if c.Default != nil {
		if err := c.setPreset(*c.Default); err != nil {
			wrong(at, "default=%s: %v", *c.Default, err)
		}
	}
	if c.Nullable || c.Required || len(s.Columns) == s.Key {
		return
	}
	p := fine // of what it is when it is not given
	switch c.Type {
	case Integer:
		p = c.checkInteger(c.preset.number)
	case Real:
		p = c.checkReal(c.preset.real)
	case Text:
		p = c.checkText(c.preset.text)
	}
	if p != fine {
		wrong(at, "when it is not given it %s; it needs another default, the option required, or to be a pointer", strings.Replace(c.words(p), "must be", "is not", 1))
	}
}

// setPreset reads a default.
func (c *Column) setPreset(text string) (err error) {
	switch c.Type {
	case Integer:
		c.preset.number, err = strconv.ParseInt(text, 10, 64)
		if least, most := c.field.wholes(); err == nil && (c.preset.number < least || c.preset.number > most) {
			err = fmt.Errorf("the field cannot hold it")
		}
	case Real:
		c.preset.real, err = strconv.ParseFloat(text, 64)
	case Boolean:
		c.preset.flag = text == "true"
		if text != "true" && text != "false" {
			err = fmt.Errorf("it is neither true nor false")
		}
	case Datetime:
		if c.preset.now = text == "now"; !c.preset.now {
			err = fmt.Errorf("a date and time can only have the default now")
		}
	case JSON:
		if c.preset.text = text; !json.Valid([]byte(text)) {
			err = fmt.Errorf("it is no JSON")
		}
	case Enum:
		if c.preset.text = text; !slices.Contains(c.Values, text) {
			err = fmt.Errorf("it is none of its values")
		}
	case Text:
		c.preset.text = text
	default:
		err = fmt.Errorf("a column of type %s has no default", c.Type)
	}
	return err
}
