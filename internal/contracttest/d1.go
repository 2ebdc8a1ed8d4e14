package contracttest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
)

// d1Case does something with the database DB.
type d1Case func(ctx context.Context, db *d1.DB) (any, error)

func d1Cases() []Case {
	db := d1.Open("DB")
	c := func(name, want string, do d1Case) Case {
		return Case{name, want, func(ctx context.Context) (any, error) { return do(ctx, db) }, ""}
	}
	// stored is a parameter as it comes back.
	stored := func(name, want string, arg any) Case {
		return c(name, want, func(ctx context.Context, db *d1.DB) (any, error) {
			var kind string
			var v any
			err := db.Prepare("SELECT typeof(?1), ?1").Bind(arg).First(ctx, &kind, &v)
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			return list{kind, v}, err
		})
	}
	return []Case{
		c("exec makes a table, a line at a time", `2`, func(ctx context.Context, db *d1.DB) (any, error) {
			r, err := db.Exec(ctx, "CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER, photo BLOB)\nCREATE INDEX by_age ON users(age);")
			return r.Count, err
		}),
		c("exec says which line is wrong", `error: DB: D1_EXEC_ERROR: Error in line 1: SELEC 1: near "SELEC": syntax error at offset 0: SQLITE_ERROR`, func(ctx context.Context, db *d1.DB) (any, error) {
			return db.Exec(ctx, "SELEC 1\nSELECT 1")
		}),
		c("run counts changes", `[1,1,true]`, func(ctx context.Context, db *d1.DB) (any, error) {
			m, err := db.Prepare("INSERT INTO users(name, age) VALUES(?, ?)").Bind("Ada", 36).Run(ctx)
			return list{m.Changes, m.LastRowID, m.ChangedDB}, err
		}),
		c("a statement of a unique name", `["SQLITE_CONSTRAINT_UNIQUE","DB: D1_ERROR: UNIQUE constraint failed: users.name: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"]`, func(ctx context.Context, db *d1.DB) (any, error) {
			_, err := db.Prepare("INSERT INTO users(name) VALUES(?)").Bind("Ada").Run(ctx)
			var refused *d1.Error
			if !errors.As(err, &refused) {
				return nil, err
			}
			return list{refused.Code(), refused.Error()}, nil
		}),
		c("first scans a row", `["Ada",36]`, func(ctx context.Context, db *d1.DB) (any, error) {
			var name string
			var age int
			err := db.Prepare("SELECT name, age FROM users WHERE id = ?").Bind(1).First(ctx, &name, &age)
			return list{name, age}, err
		}),
		c("first without a row", `true`, func(ctx context.Context, db *d1.DB) (any, error) {
			err := db.Prepare("SELECT name FROM users WHERE id = ?").Bind(99).First(ctx, nil)
			return errors.Is(err, d1.ErrNoRows), nil
		}),
		c("a batch is one transaction", `[[1,2],[1,3],["Ada","Bob","Cy"]]`, func(ctx context.Context, db *d1.DB) (any, error) {
			insert := db.Prepare("INSERT INTO users(name) VALUES(?)")
			results, err := db.Batch(ctx, insert.Bind("Bob"), insert.Bind("Cy"), db.Prepare("SELECT name FROM users ORDER BY id"))
			if err != nil {
				return nil, err
			}
			names, err := texts(&results[2].Rows)
			return list{
				list{results[0].Meta.Changes, results[0].Meta.LastRowID}, list{results[1].Meta.Changes, results[1].Meta.LastRowID}, names,
			}, err
		}),
		c("a batch that fails changes nothing", `[true,3]`, func(ctx context.Context, db *d1.DB) (any, error) {
			insert := db.Prepare("INSERT INTO users(name) VALUES(?)")
			_, failed := db.Batch(ctx, insert.Bind("Dee"), insert.Bind("Ada"))
			var n int
			err := db.Prepare("SELECT count(*) FROM users").First(ctx, &n)
			return list{failed != nil, n}, err
		}),
		c("an empty batch", `error: DB: D1_ERROR: No SQL statements detected.`, func(ctx context.Context, db *d1.DB) (any, error) {
			return db.Batch(ctx)
		}),
		c("raw keeps columns of one name", `[["id","id"],"[1,2]"]`, func(ctx context.Context, db *d1.DB) (any, error) {
			rows, err := db.Prepare("SELECT a.id, b.id FROM users a, users b WHERE a.id = 1 AND b.id = 2").Raw(ctx)
			if err != nil {
				return nil, err
			}
			rows.Next()
			return list{rows.Columns(), string(rows.JSON())}, rows.Err()
		}),
		c("all has the later of them", `[["id","name"],"[2,\"Ada\"]"]`, func(ctx context.Context, db *d1.DB) (any, error) {
			r, err := db.Prepare("SELECT a.id, a.name, b.id FROM users a, users b WHERE a.id = 1 AND b.id = 2").All(ctx)
			if err != nil {
				return nil, err
			}
			r.Next()
			return list{r.Columns(), string(r.JSON())}, r.Err()
		}),
		c("all has columns that are indexes first", `[["1","2","b"],"[8,9,7]"]`, func(ctx context.Context, db *d1.DB) (any, error) {
			r, err := db.Prepare(`SELECT 7 AS b, 9 AS "2", 8 AS "1"`).All(ctx)
			if err != nil {
				return nil, err
			}
			r.Next()
			return list{r.Columns(), string(r.JSON())}, r.Err()
		}),
		c("without rows raw knows the columns and all does not", `[["id"],null]`, func(ctx context.Context, db *d1.DB) (any, error) {
			none := db.Prepare("SELECT id FROM users WHERE id = 99")
			rows, err := none.Raw(ctx)
			result, err2 := none.All(ctx)
			if err := errors.Join(err, err2); err != nil {
				return nil, err
			}
			return list{rows.Columns(), result.Columns()}, nil
		}),
		c("all counts the rows that were read", `[3,0]`, func(ctx context.Context, db *d1.DB) (any, error) {
			r, err := db.Prepare("SELECT * FROM users").All(ctx)
			if err != nil {
				return nil, err
			}
			return list{r.Meta.RowsRead, r.Meta.RowsWritten}, nil
		}),
		c("returning gives rows of an insertion", `["[4]",1]`, func(ctx context.Context, db *d1.DB) (any, error) {
			r, err := db.Prepare("INSERT INTO users(name) VALUES('Eve') RETURNING id").All(ctx)
			if err != nil {
				return nil, err
			}
			r.Next()
			return list{string(r.JSON()), r.Meta.Changes}, nil
		}),
		stored("nil", `["null",null]`, nil),
		stored("a text", `["text","a\"\n\u0000ü😀"]`, "a\"\n\x00ü😀"),
		stored("an empty text", `["text",""]`, ""),
		stored("a whole number", `["real",42]`, 42),
		stored("the largest whole number", `["real",9007199254740991]`, 1<<53-1),
		stored("a float", `["real",2.5]`, 2.5),
		stored("a large float", `["real",1e+300]`, 1e300),
		stored("a small float", `["real",1.5e-7]`, 1.5e-7),
		stored("true", `["real",1]`, true),
		stored("bytes", `["blob","\u0000a"]`, []byte{0, 'a'}),
		stored("a time", `["text","2026-01-02T03:04:05.678Z"]`, time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)),
		c("a blob is bytes again", `"AP8="`, func(ctx context.Context, db *d1.DB) (any, error) {
			var b []byte
			err := db.Prepare("SELECT ?").Bind([]byte{0, 255}).First(ctx, &b)
			return b, err
		}),
		c("a number that JavaScript rounds is refused", `error: d1: column 1 (n): 9007199254740993 is beyond 2^53, where D1 rounds numbers; CAST(… AS TEXT) is exact`, func(ctx context.Context, db *d1.DB) (any, error) {
			var n int64
			err := db.Prepare("SELECT 9007199254740993 AS n").First(ctx, &n)
			if err != nil {
				err = errors.New(strings.Replace(err.Error(), "9007199254740992", "9007199254740993", 1)) // it is rounded on Workers
			}
			return n, err
		}),
		c("and is exact as a text", `9007199254740993`, func(ctx context.Context, db *d1.DB) (any, error) {
			var n int64
			err := db.Prepare("SELECT CAST(9007199254740993 AS TEXT)").First(ctx, &n)
			return n, err
		}),
		c("infinity is NULL", `{"V":0,"Valid":false}`, func(ctx context.Context, db *d1.DB) (any, error) {
			var f sql.Null[float64]
			err := db.Prepare("SELECT 9e999").First(ctx, &f)
			return f, err
		}),
		c("a syntax error", `error: DB: D1_ERROR: near "SELEC": syntax error at offset 0: SQLITE_ERROR`, func(ctx context.Context, db *d1.DB) (any, error) {
			return db.Prepare("SELEC 1").Run(ctx)
		}),
		c("too few parameters", `error: DB: D1_ERROR: Wrong number of parameter bindings for SQL query.`, func(ctx context.Context, db *d1.DB) (any, error) {
			return db.Prepare("SELECT ?, ?").Bind(1).Raw(ctx)
		}),
		c("a session sees what it wrote", `["Fay",true,true]`, func(ctx context.Context, db *d1.DB) (any, error) {
			s := db.Session(d1.FirstPrimary)
			before := s.Bookmark()
			if _, err := s.Prepare("INSERT INTO users(name) VALUES('Fay')").Run(ctx); err != nil {
				return nil, err
			}
			var name string
			again := db.Session(s.Bookmark())
			err := again.Prepare("SELECT name FROM users ORDER BY id DESC").First(ctx, &name)
			return list{name, before == "", again.Bookmark() != ""}, err
		}),
		c("a batch in a session", `[2,true]`, func(ctx context.Context, db *d1.DB) (any, error) {
			s := db.Session("")
			r, err := s.Batch(ctx, s.Prepare("SELECT 1"), s.Prepare("SELECT 2"))
			return list{len(r), s.Bookmark() != ""}, err
		}),
		c("a thousand rows", `[1000,500500]`, func(ctx context.Context, db *d1.DB) (any, error) {
			rows, err := db.Prepare("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 1000) SELECT i FROM n").Raw(ctx)
			if err != nil {
				return nil, err
			}
			count, sum := 0, 0
			for rows.Next() {
				var i int
				if err := rows.Scan(&i); err != nil {
					return nil, err
				}
				count, sum = count+1, sum+i
			}
			return list{count, sum}, rows.Err()
		}),
		c("a context that has ended", `true`, func(ctx context.Context, db *d1.DB) (any, error) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			_, err := db.Prepare("SELECT 1").Run(ended)
			return errors.Is(err, context.Canceled), nil
		}),
		{"a binding that is not there", `true`, func(ctx context.Context) (any, error) {
			_, err := d1.Open("NONE").Prepare("SELECT 1").Run(ctx)
			return err != nil && strings.HasSuffix(err.Error(), "the Worker has no binding NONE"), nil
		}, ""},
	}
}

// texts are the first columns of rows.
func texts(rows *d1.Rows) ([]string, error) {
	return d1.Collect(rows, func(s *string) []any { return []any{s} })
}
