package feature

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// version is that of both JSON forms.
const version = 1

// Type is what values a flag has.
type Type string

// The types of flags. An enum's values are texts.
const (
	TypeBoolean Type = "boolean"
	TypeString  Type = "string"
	TypeInteger Type = "integer"
	TypeNumber  Type = "number"
	TypeEnum    Type = "enum"
)

// Document is what deploy tells a service about its flags. Its JSON form is exact and
// said in the documentation of the package.
type Document struct {
	Version     int                    `json:"v"`
	Environment string                 `json:"environment,omitempty"`
	Customer    string                 `json:"customer,omitempty"` // whose Worker it is, "" for a shared one
	Hosts       map[string]string      `json:"hosts,omitempty"`    // customers by hostname, on a shared Worker
	Flags       map[string]Declaration `json:"flags"`
}

// Declaration is a flag: what it can be and what it is.
type Declaration struct {
	Type    Type     `json:"type,omitempty"`   // "" is TypeBoolean
	Values  []string `json:"values,omitempty"` // of an enum
	Default any      `json:"default"`
	Levels
	Rules     []Rule   `json:"rules,omitempty"`
	Requires  []string `json:"requires,omitempty"`
	Conflicts []string `json:"conflicts,omitempty"`
	Runtime   bool     `json:"runtime,omitempty"` // changes in KV count
}

// Levels are the values of a flag for everybody, for customers and for hostnames.
type Levels struct {
	Environment *Assignment           `json:"environment,omitempty"`
	Customers   map[string]Assignment `json:"customers,omitempty"`
	Domains     map[string]Assignment `json:"domains,omitempty"`
}

// Empty reports levels without any value.
func (l Levels) Empty() bool {
	return l.Environment == nil && len(l.Customers) == 0 && len(l.Domains) == 0
}

// Assignment is a value for all subjects, or for a share of them.
type Assignment struct {
	Value      any
	Percentage *float64 // nil: all, also those without a subject
}

// MarshalJSON is the value alone when it is for all.
func (a Assignment) MarshalJSON() ([]byte, error) {
	if a.Percentage == nil {
		return json.Marshal(a.Value)
	}
	return json.Marshal(struct {
		Value      any     `json:"value"`
		Percentage float64 `json:"percentage"`
	}{a.Value, *a.Percentage})
}

// UnmarshalJSON takes both forms.
func (a *Assignment) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		a.Percentage = nil
		return json.Unmarshal(b, &a.Value)
	}
	var share struct {
		Value      any      `json:"value"`
		Percentage *float64 `json:"percentage"`
	}
	err := json.Unmarshal(b, &share)
	a.Value, a.Percentage = share.Value, share.Percentage
	return err
}

// Rule gives a value to those whom all its conditions, and its share, fit.
type Rule struct {
	When       []Condition `json:"when,omitempty"`
	Value      any         `json:"value"`
	Percentage *float64    `json:"percentage,omitempty"` // nil: all
}

// Condition compares an attribute of the context in one way.
type Condition struct {
	Attribute string   `json:"attribute"`
	Equals    string   `json:"equals,omitempty"`
	In        []string `json:"in,omitempty"`
	Prefix    string   `json:"prefix,omitempty"`
}

// Changes are the values that were given to flags while services run. It is stored as
// JSON in the key [ChangesKey] of a KV namespace.
type Changes struct {
	Version int               `json:"v"`
	Flags   map[string]Levels `json:"flags"`
}

// Where changes are: the binding of the KV namespace, and the key in it.
const (
	ChangesBinding = "CLODO_FLAGS"
	ChangesKey     = "flags"
)

// Variable is the environment variable that holds a service's [Document].
const Variable = "CLODO_FEATURES"

// ParseDocument reads what deploy wrote. It fails on anything that would make a flag
// mean something else than was declared, naming everything that is wrong.
func ParseDocument(text string) (Document, error) {
	var d Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Document{}, fmt.Errorf("read the flags: %w", err)
	}
	if d.Version != version {
		return Document{}, fmt.Errorf("read the flags: they have the format %d, and this program knows format %d", d.Version, version)
	}
	if _, err := define(d); err != nil {
		return Document{}, err
	}
	return d, nil
}

// Check says everything that is wrong with a document.
func (d Document) Check() error {
	_, err := define(d)
	return err
}

// ParseChanges reads what was changed; nothing at all is no changes.
func ParseChanges(text []byte) (Changes, error) {
	c := Changes{Version: version}
	if len(bytes.TrimSpace(text)) == 0 {
		return c, nil
	}
	c.Version = 0
	var raw struct {
		Version int                        `json:"v"`
		Flags   map[string]json.RawMessage `json:"flags"`
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return c, fmt.Errorf("read the changed flags: %w", err)
	}
	if raw.Version != version {
		return c, fmt.Errorf("read the changed flags: they have the format %d, and this program knows format %d", raw.Version, version)
	}
	c.Version, c.Flags = version, map[string]Levels{}
	for name, levels := range raw.Flags {
		c.Flags[name] = looseLevels(levels)
	}
	return c, nil
}

// looseLevels keeps what can be read of levels: what one program wrote amiss must not
// take every other flag's changes away.
func looseLevels(text json.RawMessage) Levels {
	var raw struct {
		Environment json.RawMessage `json:"environment"`
		Customers   json.RawMessage `json:"customers"`
		Domains     json.RawMessage `json:"domains"`
	}
	var l Levels
	if json.Unmarshal(text, &raw) != nil {
		return l
	}
	if a, ok := looseAssignment(raw.Environment); ok {
		l.Environment = &a
	}
	l.Customers, l.Domains = looseAssignments(raw.Customers), looseAssignments(raw.Domains)
	return l
}

func looseAssignments(text json.RawMessage) map[string]Assignment {
	var raw map[string]json.RawMessage
	if json.Unmarshal(text, &raw) != nil {
		return nil
	}
	var all map[string]Assignment
	for name, one := range raw {
		if a, ok := looseAssignment(one); ok {
			if all == nil {
				all = map[string]Assignment{}
			}
			all[name] = a
		}
	}
	return all
}

func looseAssignment(text json.RawMessage) (Assignment, bool) {
	var a Assignment
	if json.Unmarshal(text, &a) != nil || a.Value == nil {
		return a, false
	}
	return a, true
}

// maxInteger is the largest whole number that JavaScript is exact about.
const maxInteger = 1<<53 - 1

// Conform is v as a value of the declaration: a bool, a string, an int64 or a float64.
// It takes what JSON and Go have for them.
func (d Declaration) Conform(v any) (any, error) {
	switch d.kind() {
	case TypeBoolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case TypeString:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case TypeEnum:
		if s, ok := v.(string); ok && slices.Contains(d.Values, s) {
			return s, nil
		}
		return nil, fmt.Errorf("%s is none of %s", written(v), strings.Join(d.Values, ", "))
	case TypeInteger:
		switch n := v.(type) {
		case int:
			v = float64(n)
		case int64:
			v = float64(n)
		}
		if n, ok := v.(float64); ok && n == float64(int64(n)) && n >= -maxInteger && n <= maxInteger {
			return int64(n), nil
		}
	case TypeNumber:
		switch n := v.(type) {
		case int:
			return float64(n), nil
		case int64:
			return float64(n), nil
		case float64:
			if !math.IsNaN(n) && !math.IsInf(n, 0) { // JSON has no word for them
				return n, nil
			}
		}
	default:
		return nil, fmt.Errorf("there is no type %q", d.Type)
	}
	article := "a"
	if d.kind() == TypeInteger {
		article = "an"
	}
	return nil, fmt.Errorf("%s is not %s %s", written(v), article, d.kind())
}

func (d Declaration) kind() Type {
	if d.Type == "" {
		return TypeBoolean
	}
	return d.Type
}

func written(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// problems collects what is wrong with a document.
type problems []error

func (p *problems) addf(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("read the flags: %w", errors.Join(p...))
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
