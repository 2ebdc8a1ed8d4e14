package store

import (
	"fmt"

	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// reading is how many readers work side by side.
const reading = 4

func openDatabase(path string) (*sqlite.Pool, error) {
	db, err := sqlite.OpenPool(path, reading, func(c *sqlite.Conn) error { return c.Script(schema) })
	if err != nil {
		return nil, fmt.Errorf("opening the state database: %w", err)
	}
	return db, nil
}

type conn struct{ *sqlite.Conn }

func (c conn) exec(query string, args ...any) error {
	return c.rows(query, args, func(string) error { return nil })
}

func (c conn) rows(query string, args []any, each func(doc string) error) error {
	err := c.Query(func(st *sqlite.Stmt) error { return each(st.ColumnText(0)) }, query, args...)
	switch driver.ErrCode(err) {
	case driver.ResultConstraintUnique, driver.ResultConstraintPrimaryKey:
		return ErrExists
	}
	return err
}
