package clodo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DecodeLimit is how many bytes of a body [Decode] reads where [LimitBody] has not said
// otherwise.
const DecodeLimit = 1 << 20

// deepest is how far arrays and objects of a body may lie in each other. encoding/json
// takes 10,000 and calls itself for each; on Workers half of them are more than the stack
// has room for, and that ends the instance.
const deepest = 500

// The codes of fields that [Decode] complains about.
const (
	CodeInvalidType  = "INVALID_TYPE"
	CodeUnknownField = "UNKNOWN_FIELD"
)

// Decode reads the body of a request, which is one JSON value, into v. What is wrong
// with it is a [Problem] to return: 415 for another Content-Type than JSON, 413 for too
// many bytes, 400 for what is no JSON or more than one value, and 422, with the field,
// for a value of the wrong type and for a name that v does not have. An object that has a
// key twice is no JSON here: who else reads it may take the other one; nor are more than
// 500 arrays and objects in each other. When it returns an
// error v may be partly filled. Which values are allowed is not its affair, and a null
// inside of the body leaves a field as it is.
func Decode(r *http.Request, v any) error {
	b, err := ReadJSON(r)
	if err != nil {
		return err
	}
	if t := reflect.TypeOf(v); string(bytes.TrimSpace(b)) == "null" && t != nil && t.Kind() == reflect.Pointer && !takesNull(t.Elem()) {
		return &Problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Detail: "The body is null and should be " + jsonName(t.Elem()) + "."}
	}
	if tooDeep(b) {
		return invalidJSON("The body has arrays and objects that lie too deep in each other.", nil)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return undecodable(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return invalidJSON("The body goes on after its JSON value.", nil)
	}
	if name, twice := repeatedKey(b); twice {
		return invalidJSON("The body has a key twice: "+quoted(name)+".", nil)
	}
	return nil
}

func invalidJSON(detail string, err error) *Problem {
	return &Problem{Status: http.StatusBadRequest, Code: "invalid_json", Detail: detail, Err: err}
}

// takesNull reports that null is a value of a type, or that the type decides itself.
func takesNull(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map, reflect.Slice:
		return true
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

// tooDeep reports that arrays and objects lie too deep in each other in b, which need not
// be JSON.
func tooDeep(b []byte) bool {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth++; depth > deepest {
				return true
			}
		case '}', ']':
			depth--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return false
}

// repeatedKey is a key that an object of b, which is JSON, has twice.
func repeatedKey(b []byte) (key string, twice bool) {
	var open []map[string]bool // the keys of the objects that b is in; nil for an array
	isKey := false             // the next text is one
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{':
			open, isKey = append(open, map[string]bool{}), true
		case '[':
			open, isKey = append(open, nil), false
		case '}', ']':
			open = open[:len(open)-1]
		case ',':
			isKey = open[len(open)-1] != nil
		case '"':
			start := i
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if !isKey {
				continue
			}
			isKey = false
			key := string(b[start+1 : i])
			if strings.Contains(key, `\`) {
				_ = json.Unmarshal(b[start:i+1], &key) // it has been decoded before
			}
			keys := open[len(open)-1]
			if keys[key] {
				return key, true
			}
			keys[key] = true
		}
	}
	return "", false
}

// ReadJSON reads the body of a request that should be JSON, and is the part of [Decode]
// for who reads JSON himself: what it refuses, it refuses in the same words. What it
// returns is not empty and UTF-8, which encoding/json would not insist on.
func ReadJSON(r *http.Request) ([]byte, error) {
	if err := wantJSON(r); err != nil {
		return nil, err
	}
	body := io.Reader(r.Body)
	if !limited(r.Body) {
		body = http.MaxBytesReader(nil, r.Body, DecodeLimit)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, unread(err)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, &Problem{Status: http.StatusBadRequest, Code: "empty_body", Detail: "The body is empty; it should be JSON."}
	}
	if !utf8.Valid(b) {
		return nil, invalidJSON("The body is no JSON: it is not UTF-8.", nil)
	}
	return b, nil
}

// wantJSON refuses a body that calls itself something else. Without a type it is taken
// for JSON: a page of another origin could not send that without being allowed to,
// because a browser gives every body a type.
func wantJSON(r *http.Request) error {
	sent := r.Header.Get("Content-Type")
	if sent == "" {
		return nil
	}
	kind, _, err := mime.ParseMediaType(sent)
	if err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")) {
		return nil
	}
	return &Problem{
		Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type", Detail: "The body should be application/json.",
		Header: http.Header{"Accept": {"application/json"}},
	}
}

// unread is why a body could not be read: what [WriteError] knows, or a client that
// broke off.
func unread(err error) error {
	if p := problemOf(err); p.status() < 500 || p.Code == "timeout" {
		return err
	}
	return &Problem{Status: http.StatusBadRequest, Code: "incomplete_body", Detail: "The body could not be read to its end.", Err: err}
}

// undecodable is what an error of encoding/json means to the client.
func undecodable(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var invalid *json.InvalidUnmarshalError
	switch {
	case errors.As(err, &syntax):
		return invalidJSON(fmt.Sprintf("The body is no JSON: %v, at byte %d.", syntax, syntax.Offset), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return invalidJSON("The body is no JSON: it ends too early.", err)
	case errors.As(err, &invalid):
		return err // a mistake of the handler's
	case errors.As(err, &kind):
		wrong := "is " + article(kind.Value) + " and should be " + jsonName(kind.Type)
		if kind.Field == "" {
			return &Problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Detail: "The body " + wrong + ".", Err: err}
		}
		return invalidFields(Field{Name: kind.Field, Code: CodeInvalidType, Message: wrong}, err)
	}
	// encoding/json has no type for this one.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return invalidFields(Field{Name: strings.Trim(name, `"`), Code: CodeUnknownField, Message: "is not known here"}, err)
	}
	// An UnmarshalJSON or UnmarshalText of v's did not like its part.
	return &Problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Detail: "A value in the body is not valid.", Err: err}
}

func invalidFields(f Field, err error) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Detail: "The body has a field that is not valid.", Fields: []Field{f}, Err: err}
}

// jsonName is what JSON calls the values that a type takes.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonName(t.Elem())
	case reflect.Bool:
		return "a boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number of " + strconv.Itoa(t.Bits()) + " bits"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of " + strconv.Itoa(t.Bits()) + " bits, not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	}
	return "an object"
}

// article puts the article before what encoding/json calls a value: "string", "number
// 1.5", "bool".
func article(value string) string {
	kind, rest, more := strings.Cut(value, " ")
	switch kind {
	case "bool":
		kind = "a boolean"
	case "array", "object":
		kind = "an " + kind
	default:
		kind = "a " + kind
	}
	if more {
		return kind + " (" + rest + ")"
	}
	return kind
}
