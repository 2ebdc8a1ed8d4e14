package data

import (
	"errors"
	"fmt"
	"strings"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
)

// The kinds of errors that a program decides by, with errors.Is. What a client is told
// is the *[clodo.Problem] around them.
var (
	ErrNotFound  = errors.New("there is no such row")                      // 404
	ErrConflict  = errors.New("the row was changed meanwhile")             // 409
	ErrUnique    = errors.New("another row has the same value")            // 409
	ErrReference = errors.New("a row that is pointed at is not there")     // 409
	ErrTooMany   = errors.New("at most 100 rows can be written at a time") // 413
)

// MaxBulk is how many rows one call writes.
const MaxBulk = 100

func notFound(s *Schema, id any) *clodo.Problem {
	return &clodo.Problem{Status: 404, Code: "not_found", Detail: fmt.Sprintf("There is no row '%s' in %s.", printable(fmt.Sprint(id)), s.Table), Err: ErrNotFound}
}

func conflict(s *Schema, id any) *clodo.Problem {
	return &clodo.Problem{
		Status: 409, Code: "version_conflict", Detail: fmt.Sprintf("Row '%s' of %s was changed meanwhile: read it again.", printable(fmt.Sprint(id)), s.Table), Err: ErrConflict,
	}
}

func tooMany(n int) *clodo.Problem {
	return &clodo.Problem{Status: 413, Code: "too_many_rows", Detail: fmt.Sprintf("%d rows are too many: at most %d can be written at a time.", n, MaxBulk), Err: ErrTooMany}
}

// refused is what D1's refusal of a write means to a client; any other error stays as
// it is.
func (t *table) refused(err error) error {
	var from *d1.Error
	if !errors.As(err, &from) {
		return err
	}
	switch from.Code() {
	case d1.CodeUnique, d1.CodePrimaryKey:
		p := &clodo.Problem{Status: 409, Code: "unique_violation", Detail: "Another row has the same value.", Err: fmt.Errorf("%w: %w", ErrUnique, err)}
		p.Fields = t.violated(from.Message, "UNIQUE_VIOLATION", "is the value of another row")
		return p
	case d1.CodeForeignKey:
		return &clodo.Problem{
			Status: 409, Code: "reference_violation", Detail: "A row that this one points at is not there, or one points at this row.", Err: fmt.Errorf("%w: %w", ErrReference, err),
		}
	case d1.CodeNotNull, d1.CodeCheck:
		return &clodo.Problem{
			Status: 422, Code: "constraint_violation", Detail: "The database does not take the row.", Err: err,
			Fields: t.violated(from.Message, "CONSTRAINT_VIOLATION", "is refused by the database"),
		}
	}
	return err
}

// violated are the columns that a message of SQLite names:
//
//	D1_ERROR: UNIQUE constraint failed: users.org_id, users.email: SQLITE_CONSTRAINT
func (t *table) violated(message, code, words string) (fields []clodo.Field) {
	_, list, ok := strings.Cut(message, "constraint failed: ")
	if !ok {
		return nil
	}
	list, _, _ = strings.Cut(list, ": ")
	for name := range strings.SplitSeq(list, ", ") {
		name = strings.TrimPrefix(name, t.schema.Table+".")
		if i, ok := t.schema.Column(name); ok && t.schema.visible.Has(i) {
			fields = append(fields, clodo.Field{Name: name, Code: code, Message: "Field '" + name + "' " + words + "."})
		}
	}
	return fields
}
