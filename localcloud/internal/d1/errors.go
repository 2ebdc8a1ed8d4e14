package d1

import (
	"errors"
	"fmt"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// explain says an error as D1 does; one that is not about SQL is handed on.
func explain(err error) error {
	if known := (*Error)(nil); errors.As(err, &known) {
		return known
	}
	f, ok := sqlite.FailureOf(err)
	if !ok {
		return err
	}
	primary := f.Code & 0xff
	if primary == driver.ResultInterrupt {
		return &Error{"D1 DB storage operation exceeded timeout which caused object to be reset."}
	}
	text := f.Message
	if f.Offset >= 0 {
		text += fmt.Sprintf(" at offset %d", f.Offset)
	}
	text += ": " + primary.String()
	if f.Code != primary {
		text += fmt.Sprintf(" (extended: %s)", extended(f.Code))
	}
	return &Error{text}
}

// extended is the name of an extended code; the driver lacks one.
func extended(code driver.ResultCode) string {
	const datatype = driver.ResultConstraint | 12<<8
	if code == datatype {
		return "SQLITE_CONSTRAINT_DATATYPE"
	}
	return code.String()
}
