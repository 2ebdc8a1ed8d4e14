// Package graphql answers Cloudflare's analytics queries: viewer, accounts, and below
// them datasets whose rows are grouped by the dimensions that are asked for. It is
// as free with types as Cloudflare: what a variable is declared as does not matter,
// only whether its value fits where it is used.
package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// The limits of a query.
const (
	maxTokens   = 20_000
	maxRows     = 10_000
	maxDatasets = 30 // in one query
	maxDepth    = 30
)

// Request is the body of a call.
type Request struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables"`
	Operation string         `json:"operationName"`
}

// Response is the answer to it. A query that fails has no data at all.
type Response struct {
	Data   any     `json:"data"`
	Errors []Error `json:"errors"`
}

// Error is what is wrong with a query.
type Error struct {
	Message    string     `json:"message"`
	Path       []string   `json:"path"`
	Extensions extensions `json:"extensions"`
}

type extensions struct {
	Code string `json:"code,omitempty"`
	Time string `json:"timestamp"`
}

// Schema is what can be asked for.
type Schema struct {
	Datasets []Dataset
	// Opens reports whether who asks may see an account.
	Opens func(account string) bool
	Now   func() time.Time
}

// Do answers a query.
func (s Schema) Do(ctx context.Context, req Request) Response {
	data, err := s.run(ctx, req)
	if err == nil {
		return Response{Data: data}
	}
	e := Error{Message: err.Error(), Extensions: extensions{Code: "", Time: s.Now().UTC().Format(time.RFC3339Nano)}}
	var failed *failure
	if errors.As(err, &failed) {
		e.Message, e.Path, e.Extensions.Code = failed.message, failed.path, failed.code
	}
	return Response{Errors: []Error{e}}
}

// failure is a query that cannot be answered.
type failure struct {
	message string
	code    string
	path    []string
}

func (f *failure) Error() string { return f.message }

func fail(path []string, format string, args ...any) error {
	return &failure{message: fmt.Sprintf(format, args...), path: path}
}

// query is one request under way.
type query struct {
	Schema
	ctx       context.Context
	variables map[string]any
	fragments ast.FragmentDefinitionList
	datasets  int
}

func (s Schema) run(ctx context.Context, req Request) (any, error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: req.Query}, maxTokens)
	if err != nil {
		return nil, fail(nil, "error parsing the query: %s", err)
	}
	var operation *ast.OperationDefinition
	for _, o := range doc.Operations {
		if req.Operation == "" && len(doc.Operations) == 1 || req.Operation != "" && o.Name == req.Operation {
			operation = o
		}
	}
	switch {
	case operation == nil && req.Operation != "":
		return nil, fail(nil, "there is no operation %q", req.Operation)
	case operation == nil:
		return nil, fail(nil, "the request has %d operations and does not say which to run", len(doc.Operations))
	case operation.Operation != ast.Query:
		return nil, fail(nil, "%s is not supported, only queries are", operation.Operation)
	}
	q := &query{Schema: s, ctx: ctx, fragments: doc.Fragments, variables: map[string]any{}}
	for _, v := range operation.VariableDefinitions {
		value, given := req.Variables[v.Variable]
		if !given && v.DefaultValue != nil {
			if value, err = q.value(v.DefaultValue); err != nil {
				return nil, err
			}
			given = true
		}
		if !given && v.Type.NonNull {
			return nil, fail(nil, "variable $%s has no value", v.Variable)
		}
		q.variables[v.Variable] = value
	}
	return q.object(nil, operation.SelectionSet, "Query", map[string]resolver{"viewer": q.viewer})
}

// resolver gives the value of a field.
type resolver func(path []string, f field) (any, error)

func (q *query) viewer(path []string, f field) (any, error) {
	return q.object(path, f.selection, "viewer", map[string]resolver{"accounts": q.accounts})
}

func (q *query) accounts(path []string, f field) (any, error) {
	if err := f.only(path, "filter", "limit"); err != nil {
		return nil, err
	}
	filter, ok := f.arguments["filter"].(map[string]any)
	if !ok {
		return nil, fail(path, "accounts need a filter with accountTag")
	}
	var account string
	for name, value := range filter {
		text, ok := value.(string)
		if many, list := value.([]any); list && name == "accountTag_in" && len(many) == 1 {
			text, ok = many[0].(string)
		}
		if name != "accountTag" && name != "accountTag_in" || !ok {
			return nil, fail(path, "accounts can be filtered by one accountTag, not by %s = %v", name, value)
		}
		account = text
	}
	if account == "" {
		return nil, fail(path, "accounts need a filter with accountTag")
	}
	if !q.Opens(account) {
		return nil, &failure{message: "not authorized for that account", code: "authz", path: path}
	}
	fields := map[string]resolver{"accountTag": func([]string, field) (any, error) { return account, nil }}
	for _, d := range q.Datasets {
		fields[d.Name] = func(path []string, f field) (any, error) { return q.dataset(path, f, account, d) }
	}
	one, err := q.object(append(path, "0"), f.selection, "account", fields)
	return []any{one}, err
}

// object resolves the selected fields of an object. What has no sub-fields must not
// be given any, which is left to the resolvers.
func (q *query) object(path []string, set ast.SelectionSet, name string, fields map[string]resolver) (any, error) {
	selected, err := q.collect(path, set, 0)
	if err != nil {
		return nil, err
	}
	if len(selected) == 0 {
		return nil, fail(path, "%s needs a selection of fields", name)
	}
	out := object{}
	for _, f := range selected {
		if f.name == "__typename" {
			out = append(out, member{f.key, name})
			continue
		}
		resolve := fields[f.name]
		if resolve == nil {
			return nil, fail(append(path, f.key), "unknown field %q in %s", f.name, name)
		}
		value, err := resolve(append(path[:len(path):len(path)], f.key), f)
		if err != nil {
			return nil, err
		}
		out = append(out, member{f.key, value})
	}
	return out, nil
}

// field is a selected field with its arguments evaluated.
type field struct {
	key       string // its alias or name
	name      string
	arguments map[string]any
	selection ast.SelectionSet
}

// only refuses arguments that are not known.
func (f field) only(path []string, known ...string) error {
next:
	for name := range f.arguments {
		for _, k := range known {
			if name == k {
				continue next
			}
		}
		return fail(path, "unknown argument %q of %s", name, f.name)
	}
	return nil
}

// collect flattens a selection: fragments are replaced by their fields, and fields of
// one key are joined.
func (q *query) collect(path []string, set ast.SelectionSet, depth int) ([]field, error) {
	if depth > maxDepth {
		return nil, fail(path, "fragments are nested too deep")
	}
	var all []field
	add := func(f field) error {
		for i, known := range all {
			if known.key == f.key {
				if known.name != f.name {
					return fail(path, "%q is the name of two fields", f.key)
				}
				all[i].selection = append(known.selection[:len(known.selection):len(known.selection)], f.selection...)
				return nil
			}
		}
		all = append(all, f)
		return nil
	}
	for _, selection := range set {
		var directives ast.DirectiveList
		var inner ast.SelectionSet
		var one *field
		switch s := selection.(type) {
		case *ast.Field:
			directives = s.Directives
			one = &field{key: s.Alias, name: s.Name, selection: s.SelectionSet, arguments: map[string]any{}}
			if one.key == "" {
				one.key = s.Name
			}
			for _, a := range s.Arguments {
				value, err := q.value(a.Value)
				if err != nil {
					return nil, err
				}
				one.arguments[a.Name] = value
			}
		case *ast.InlineFragment:
			directives, inner = s.Directives, s.SelectionSet
		case *ast.FragmentSpread:
			directives = s.Directives
			definition := q.fragments.ForName(s.Name)
			if definition == nil {
				return nil, fail(path, "there is no fragment %q", s.Name)
			}
			inner = definition.SelectionSet
		}
		wanted, err := q.included(path, directives)
		if err != nil {
			return nil, err
		}
		if !wanted {
			continue
		}
		if one != nil {
			if err := add(*one); err != nil {
				return nil, err
			}
			continue
		}
		fields, err := q.collect(path, inner, depth+1)
		if err != nil {
			return nil, err
		}
		for _, f := range fields {
			if err := add(f); err != nil {
				return nil, err
			}
		}
		if len(all) > 1000 {
			return nil, fail(path, "too many fields")
		}
	}
	return all, nil
}

func (q *query) included(path []string, directives ast.DirectiveList) (bool, error) {
	for _, d := range directives {
		argument := d.Arguments.ForName("if")
		if d.Name != "include" && d.Name != "skip" || argument == nil {
			return false, fail(path, "unknown directive @%s", d.Name)
		}
		value, err := q.value(argument.Value)
		if err != nil {
			return false, err
		}
		on, ok := value.(bool)
		if !ok {
			return false, fail(path, "@%s(if:) needs true or false", d.Name)
		}
		if on != (d.Name == "include") {
			return false, nil
		}
	}
	return true, nil
}

// value evaluates a literal or a variable, to the types that JSON is decoded into.
func (q *query) value(v *ast.Value) (any, error) {
	switch v.Kind {
	case ast.Variable:
		value, declared := q.variables[v.Raw]
		if !declared {
			return nil, fail(nil, "variable $%s is not declared", v.Raw)
		}
		return value, nil
	case ast.IntValue, ast.FloatValue:
		return strconv.ParseFloat(v.Raw, 64)
	case ast.BooleanValue:
		return v.Raw == "true", nil
	case ast.NullValue:
		return nil, nil
	case ast.ListValue:
		list := []any{}
		for _, c := range v.Children {
			value, err := q.value(c.Value)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case ast.ObjectValue:
		members := map[string]any{}
		for _, c := range v.Children {
			value, err := q.value(c.Value)
			if err != nil {
				return nil, err
			}
			members[c.Name] = value
		}
		return members, nil
	}
	return v.Raw, nil // texts and enumerations
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
