package data

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/tamylaa/clodo"
)

// The codes of what can be wrong with a row.
const (
	ModelNotFound        = "MODEL_NOT_FOUND"
	RequiredFieldMissing = "REQUIRED_FIELD_MISSING"
	InvalidType          = "INVALID_TYPE"
	MinLengthViolation   = "MIN_LENGTH_VIOLATION"
	MaxLengthViolation   = "MAX_LENGTH_VIOLATION"
	RangeViolation       = "RANGE_VIOLATION"
	PatternMismatch      = "PATTERN_MISMATCH"
	EnumViolation        = "ENUM_VIOLATION"
	UnknownField         = "UNKNOWN_FIELD"
	CustomRuleViolation  = "CUSTOM_RULE_VIOLATION"
	CustomRuleError      = "CUSTOM_RULE_ERROR"
)

// FieldError is one thing that is wrong with a row.
type FieldError struct {
	Field   string `json:"field"` // "_custom" when a rule is about no column, "_model" when there is no such model
	Message string `json:"message"`
	Code    string `json:"code"`
	// Value is what was given: a json.RawMessage when it came as JSON, else a Go value.
	// nil when there was none. It may be a secret: answers of a [clodo.Problem] leave it out.
	Value any `json:"value,omitempty"`
}

// ValidationError says everything that is wrong with a row. A handler may return it:
// it is answered with status 422, code "validation_failed" and the fields.
type ValidationError struct{ Errors []FieldError }

// Error is such as "Validation failed: email: Field 'email' is required; age: …".
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString("Validation failed: ")
	for i, f := range e.Errors {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(f.Field + ": " + f.Message)
	}
	return b.String()
}

// ByField are the errors by the names of fields.
func (e *ValidationError) ByField() map[string][]FieldError {
	all := map[string][]FieldError{}
	for _, f := range e.Errors {
		all[f.Field] = append(all[f.Field], f)
	}
	return all
}

// As makes the error the [clodo.Problem] that its client reads.
func (e *ValidationError) As(target any) bool {
	p, ok := target.(**clodo.Problem)
	if !ok {
		return false
	}
	fields := make([]clodo.Field, len(e.Errors))
	for i, f := range e.Errors {
		fields[i] = clodo.Field{Name: f.Field, Code: f.Code, Message: f.Message}
	}
	*p = &clodo.Problem{Status: http.StatusUnprocessableEntity, Code: "validation_failed", Detail: e.Error(), Fields: fields}
	return true
}

// SyntaxError says where a text stops being one JSON object. A handler may return it:
// it is answered with status 400 and code "invalid_json".
type SyntaxError struct {
	Offset  int    // in bytes
	Message string // such as "a comma or } is missing"
}

func (e *SyntaxError) Error() string {
	return "Invalid JSON at byte " + strconv.Itoa(e.Offset) + ": " + e.Message
}

// As makes the error the [clodo.Problem] that its client reads.
func (e *SyntaxError) As(target any) bool {
	p, ok := target.(**clodo.Problem)
	if ok {
		*p = &clodo.Problem{Status: http.StatusBadRequest, Code: "invalid_json", Detail: e.Error()}
	}
	return ok
}

// problem is what is wrong with the value of a column.
type problem uint8

const (
	fine problem = iota
	missing
	badType
	tooShort
	tooLong
	tooSmall
	tooLarge
	noMatch
	notInEnum
)

var problemCodes = [...]string{"", RequiredFieldMissing, InvalidType, MinLengthViolation, MaxLengthViolation, RangeViolation, RangeViolation, PatternMismatch, EnumViolation}

// failure is a problem of a column as an error.
func (c *Column) failure(p problem, value any) FieldError {
	return FieldError{Field: c.Name, Code: problemCodes[p], Message: c.messages[p], Value: value}
}

// setMessages makes the messages once, as making a model takes its time anyway.
func (c *Column) setMessages() {
	for p := missing; int(p) < len(c.messages); p++ {
		c.messages[p] = "Field '" + c.Name + "' " + c.words(p)
	}
}

// words say what is wrong. Those that the original has are its own.
func (c *Column) words(p problem) string {
	switch p {
	case missing:
		return "is required"
	case badType:
		return "must be " + [...]string{
			Text: "a string", Integer: "an integer", Real: "a number", Blob: "a base64 string", Boolean: "a boolean",
			Datetime: "a date and time such as 2026-01-31T12:00:00Z", JSON: "JSON", UUID: "a UUID", Enum: "a string",
		}[c.Type]
	case tooShort:
		return "must be at least " + limit(c.Min) + " " + c.unit()
	case tooLong:
		return "cannot exceed " + limit(c.Max) + " " + c.unit()
	case tooSmall:
		least, _ := c.field.wholes()
		if c.Min != nil {
			return "must be at least " + limit(c.Min)
		}
		return "must be at least " + strconv.FormatInt(least, 10)
	case tooLarge:
		_, most := c.field.wholes()
		if c.Max != nil {
			return "cannot exceed " + limit(c.Max)
		}
		return "cannot exceed " + strconv.FormatInt(most, 10)
	case noMatch:
		return "does not match required pattern"
	}
	return "must be one of: " + strings.Join(c.Values, ", ")
}

func limit(v *float64) string {
	if v == nil {
		return "any"
	}
	return strconv.FormatFloat(*v, 'f', -1, 64)
}

func (c *Column) unit() string {
	if c.Type == Blob {
		return "bytes"
	}
	return "characters"
}

// Result is what validation found, in the shape that the JavaScript framework had.
type Result[T any] struct {
	Valid       bool
	Errors      []FieldError
	FieldErrors map[string][]FieldError // Errors by the names of fields
	Data        *T                      // with text trimmed and numbers parsed; nil when it was no JSON object

	json func() []byte // of Data
}

// MarshalJSON is {"valid", "errors", "fieldErrors", "data"}.
func (r Result[T]) MarshalJSON() ([]byte, error) {
	data := json.RawMessage("null")
	if r.json != nil {
		data = r.json()
	}
	return json.Marshal(struct {
		Valid       bool                    `json:"valid"`
		Errors      []FieldError            `json:"errors"`
		FieldErrors map[string][]FieldError `json:"fieldErrors"`
		Data        json.RawMessage         `json:"data"`
	}{r.Valid, r.Errors, r.FieldErrors, data})
}

// newResult has the errors of err.
func newResult[T any](err error) (r Result[T]) {
	r.Errors = []FieldError{} // in JSON there is a list
	var invalid *ValidationError
	switch {
	case err == nil:
		r.Valid = true
	case errors.As(err, &invalid):
		r.Errors = invalid.Errors
	default:
		r.Errors = []FieldError{{Field: "_body", Message: err.Error(), Code: InvalidType}}
	}
	r.FieldErrors = (&ValidationError{r.Errors}).ByField()
	return r
}

// Catalogue is several models, to be found by name.
type Catalogue []*Schema

// Model is the model called name, nil when there is none.
func (c Catalogue) Model(name string) *Schema {
	for _, s := range c {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// ValidateData checks a JSON object that is to be a row of the model called name. Data
// is a pointer to the model's Go type.
func (c Catalogue) ValidateData(name string, body []byte) Result[any] {
	s := c.Model(name)
	if s == nil {
		return newResult[any](&ValidationError{[]FieldError{{Field: "_model", Message: fmt.Sprintf("Model '%s' not found", name), Code: ModelNotFound}}})
	}
	made := s.newRow()
	row := made.UnsafePointer()
	err := s.decodeNew(body, row)
	r := newResult[any](err)
	var broken *SyntaxError
	if !errors.As(err, &broken) {
		data := made.Interface()
		r.Data, r.json = &data, func() []byte { return s.appendJSON(nil, row, s.All()) }
	}
	return r
}
