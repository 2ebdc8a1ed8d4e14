package api

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// decode reads the request's JSON body. Fields that the local cloud does not know
// are ignored, as Cloudflare does.
func (c *call) decode(into any) error {
	b, err := io.ReadAll(c.req.Body)
	if err != nil {
		return bodyError(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refuse(http.StatusBadRequest, 10026, "The request body is not the JSON that was expected: %s.", NotJSON(err))
	}
	return nil
}

// NotJSON says in JSON's words, and not in those of our types, why a text was not what
// it should be. What the error says around that is kept.
func NotJSON(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err.Error()
	}
	what := "it"
	if wrong.Field != "" {
		what = strconv.Quote(wrong.Field)
	}
	return strings.Replace(err.Error(), wrong.Error(), what+" is "+article(wrong.Value)+", not "+article(jsonKind(wrong.Type)), 1)
}

// jsonKind is what JSON calls the values of a type.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return jsonKind(t.Elem())
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	default:
		return "number"
	}
}

// article puts the article before a kind of value, which encoding/json may have
// followed by the value: "number 1.5".
func article(kind string) string {
	switch {
	case strings.HasPrefix(kind, "bool"):
		return "a boolean"
	case strings.HasPrefix(kind, "array"), strings.HasPrefix(kind, "object"):
		return "an " + kind
	}
	return "a " + kind
}

// bodyError tells a body that is too large from one that broke off.
func bodyError(err error) error {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return err
	}
	return refuse(http.StatusBadRequest, 10026, "The request body broke off: %s.", err)
}

// newID is an identifier of 32 hex digits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// isHostname reports whether s is a lower-case hostname without a final dot.
func isHostname(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(strings.ReplaceAll(label, "_", "x")) {
			return false
		}
	}
	return s != ""
}

// given reports whether a field that is carried along as JSON has a value.
func given(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// IsDomain reports whether s can be a zone: a lower-case hostname with a dot.
func IsDomain(s string) bool { return isHostname(s) && strings.Contains(s, ".") }

// sortedNames are a map's keys in order.
func sortedNames[V any](m map[string]V) []string {
	names := []string{}
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
