package d1

import (
	"fmt"
	"strings"
)

// Error is what a database refused.
type Error struct {
	Binding string // its name
	Message string // D1's own, such as "D1_ERROR: UNIQUE constraint failed: users.email: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Binding, e.Message) }

// Code is SQLite's extended code of the error, or else its code, such as
// "SQLITE_CONSTRAINT_UNIQUE" or "SQLITE_ERROR"; "" when it is not one of SQLite.
func (e *Error) Code() string {
	const mark = "SQLITE_"
	i := strings.LastIndex(e.Message, mark)
	if i < 0 {
		return ""
	}
	code := e.Message[i:]
	end := strings.IndexFunc(code, func(r rune) bool { return r != '_' && (r < 'A' || r > 'Z') })
	if end >= 0 {
		code = code[:end]
	}
	return code
}

// The codes that a service decides by.
const (
	CodeUnique     = "SQLITE_CONSTRAINT_UNIQUE"
	CodePrimaryKey = "SQLITE_CONSTRAINT_PRIMARYKEY"
	CodeForeignKey = "SQLITE_CONSTRAINT_FOREIGNKEY"
	CodeNotNull    = "SQLITE_CONSTRAINT_NOTNULL"
	CodeCheck      = "SQLITE_CONSTRAINT_CHECK"
)

// broken is the error of an answer that is not understood.
func (d *DB) broken(err error) error {
	return fmt.Errorf("%s: the answer of D1 is not understood: %w", d.binding, err)
}
