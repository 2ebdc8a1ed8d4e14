//go:build !js

package d1

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"math"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tamylaa/clodo/internal/host"
)

// answering is a D1 that gives one answer and keeps what it was asked.
type answering struct {
	answer   string
	bookmark string
	path     string
	session  string
	body     string
}

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	a.path, a.session, a.body = r.URL.RequestURI(), r.Header.Get(sessionHeader), string(b)
	header := http.Header{}
	if a.bookmark != "" {
		header.Set(sessionHeader, a.bookmark)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: header, Body: io.NopCloser(strings.NewReader(a.answer))}, err
}

func (a *answering) context(t *testing.T) context.Context {
	t.Helper()
	return host.WithBindings(t.Context(), a)
}

// table is an answer with rows.
func table(columns, rows string) string {
	return `[{"success":true,"results":{"columns":` + columns + `,"rows":` + rows + `},"meta":{"duration":1.5,"changes":2,"rows_read":7,"rows_written":3,"last_row_id":9,"changed_db":true,"size_after":4096,"served_by":"x","served_by_region":null,"served_by_primary":true,"new":{"field":[1]}}}]`
}

func TestParametersAreStoredAsD1Has(t *testing.T) {
	t.Parallel()
	type id string
	five, none := 5, (*int)(nil)
	for _, c := range []struct {
		name string
		arg  any
		want string // the JSON, or the error
	}{
		{"nil is NULL", nil, "null"},
		{"so is a nil pointer", none, "null"},
		{"and nil bytes", []byte(nil), "null"},
		{"a pointer is what it points to", &five, "5"},
		{"a text keeps quotes and line ends", "a\"\n", `"a\"\n"`},
		{"a text that is not UTF-8", "\xff", "d1: parameter 1: the text is not UTF-8; bytes are stored as []byte"},
		{"a type made of a text", id("x"), `"x"`},
		{"booleans are numbers", true, "1"},
		{"a whole number", -42, "-42"},
		{"the largest whole number", int64(1<<53 - 1), "9007199254740991"},
		{"a larger one", int64(1 << 53), "d1: parameter 1: 9007199254740992 is beyond 2^53, where D1 rounds numbers; it can be stored as a text"},
		{"one that no int64 holds", uint64(math.MaxUint64), "d1: parameter 1: 18446744073709551615 is beyond 2^53, where D1 rounds numbers; it can be stored as a text"},
		{"a small unsigned number", uint8(200), "200"},
		{"a float", 2.5, "2.5"},
		{"a float32", float32(0.5), "0.5"},
		{"no number", math.NaN(), "d1: parameter 1: D1 cannot store NaN"},
		{"bytes", []byte{0, 255}, "[0,255]"},
		{"no bytes", []byte{}, "[]"},
		{"a time", time.Date(2026, 1, 2, 3, 4, 5, 6789000, time.FixedZone("", 3600)), `"2026-01-02T02:04:05.006Z"`},
		{"a struct", struct{ A int }{1}, "d1: parameter 1: D1 cannot store a struct { A int }"},
		{"a slice", []int{1}, "d1: parameter 1: D1 cannot store a []int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &answering{answer: table(`[]`, `[]`)}
			_, err := Open("DB").Prepare("SELECT ?").Bind(c.arg).Raw(a.context(t))
			got := strings.TrimSuffix(strings.TrimPrefix(a.body, `{"sql":"SELECT ?","params":[`), "]}")
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestAHundredAndOneParametersAreRefused(t *testing.T) {
	t.Parallel()
	a := &answering{answer: table(`[]`, `[]`)}
	if _, err := Open("DB").Prepare("").Bind(make([]any, 100)...).Run(a.context(t)); err != nil {
		t.Error(err)
	}
	a.body = ""
	_, err := Open("DB").Prepare("").Bind(make([]any, 101)...).Run(a.context(t))
	if err == nil || err.Error() != "d1: 101 parameters: a statement has at most 100" || a.body != "" {
		t.Errorf("%v, and D1 was asked %q", err, a.body)
	}
}

func TestColumnsFitWhatTheyAreScannedInto(t *testing.T) {
	t.Parallel()
	type name string
	scan := func(cell string, dest any) error {
		a := &answering{answer: table(`["c"]`, `[[`+cell+`]]`)}
		return Open("DB").Prepare("").First(a.context(t), dest)
	}
	for _, c := range []struct {
		name string
		cell string
		dest any
		want any // what dest points to, or the end of the error
	}{
		{"a text", `"a\u00e9"`, new(string), "aé"},
		{"a number as text", `1.5`, new(string), "1.5"},
		{"a named text", `"x"`, new(name), name("x")},
		{"a blob is no text", `[1]`, new(string), errors.New("it is a blob, which fits into []byte")},
		{"a whole number", `-7`, new(int), -7},
		{"a large one stored as text", `"9223372036854775807"`, new(int64), int64(math.MaxInt64)},
		{"a number that JavaScript has rounded", `9007199254740993`, new(int64), errors.New("9007199254740993 is beyond 2^53, where D1 rounds numbers; CAST(… AS TEXT) is exact")},
		{"and one written with an exponent", `1e+21`, new(int64), errors.New("1e+21 is beyond 2^53, where D1 rounds numbers; CAST(… AS TEXT) is exact")},
		{"a fraction is no whole number", `1.5`, new(int), errors.New("1.5 is no whole number")},
		{"a number that is too large", `300`, new(uint8), errors.New("300 does not fit into uint8")},
		{"a number that is negative", `-1`, new(uint), errors.New("-1 does not fit into uint")},
		{"a float", `2.5`, new(float64), 2.5},
		{"a whole float", `2`, new(float32), float32(2)},
		{"true", `1`, new(bool), true},
		{"what is no boolean", `2`, new(bool), errors.New("2 is neither 0 nor 1")},
		{"a blob", `[0,255]`, new([]byte), []byte{0, 255}},
		{"what is no blob", `[256]`, new([]byte), errors.New("256 is no byte of a blob")},
		{"NULL as bytes", `null`, new([]byte), []byte(nil)},
		{"NULL as a text", `null`, new(string), errors.New("it is NULL, and the destination cannot be")},
		{"NULL as a pointer", `null`, new(*string), (*string)(nil)},
		{"a pointer", `5`, new(*int), new(5)},
		{"NULL of database/sql", `null`, new(sql.NullString), sql.NullString{}},
		{"a text of database/sql", `"x"`, new(sql.NullString), sql.NullString{String: "x", Valid: true}},
		{"any whole number", `5`, new(any), any(int64(5))},
		{"any large number", `9007199254740993`, new(any), any(float64(1 << 53))},
		{"any text", `"x"`, new(any), any("x")},
		{"any blob", `[1]`, new(any), any([]byte{1})},
		{"any NULL", `null`, new(any), any(nil)},
		{"a time", `"2026-01-02T03:04:05.006Z"`, new(time.Time), time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)},
		{"a time of SQLite", `"2026-01-02 03:04:05"`, new(time.Time), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{"a day", `"2026-01-02"`, new(time.Time), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		{"no time", `"soon"`, new(time.Time), errors.New(`"soon" is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05`)},
		{"a channel", `1`, new(chan int), errors.New("nothing of D1 fits into chan int")},
		{"no pointer", `1`, 5, errors.New("a destination is a pointer, not int")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := scan(c.cell, c.dest)
			if want, ok := c.want.(error); ok {
				if err == nil || err.Error() != "d1: column 1 (c): "+want.Error() {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, deref(c.dest)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowsAreReadOneAfterTheOther(t *testing.T) {
	t.Parallel()
	a := &answering{answer: table(`["id","name"]`, `[[1,"a"], [2,"b"]]`)}
	rows, err := Open("DB").Prepare("SELECT").Raw(a.context(t))
	if err != nil {
		t.Fatal(err)
	}
	type user struct {
		ID   int
		Name string
	}
	got, err := Collect(rows, func(u *user) []any { return []any{&u.ID, &u.Name} })
	if diff := cmp.Diff([]user{{1, "a"}, {2, "b"}}, got); diff != "" || err != nil {
		t.Errorf("%s %v", diff, err)
	}
	if rows.Next() || rows.Scan() == nil {
		t.Error("there is a row after the last")
	}
	if rows, _ = Open("DB").Prepare("SELECT").Raw(a.context(t)); !rows.Next() {
		t.Fatal(rows.Err())
	}
	if err := rows.Scan(new(int)); err == nil || err.Error() != "d1: the row has 2 columns, and Scan was asked for 1" {
		t.Error(err)
	}
	a.answer = table(`["id"]`, `[]`)
	if err := Open("DB").Prepare("SELECT").First(a.context(t), new(int)); !errors.Is(err, ErrNoRows) {
		t.Error(err)
	}
}

func TestRowsOfAllAreThoseOfObjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, columns, rows, wantColumns, wantRow string }{
		{"as they stand", `["a","b"]`, `[[1,2]]`, "a,b", "[1,2]"},
		{"the later of two columns with one name", `["a","b","a"]`, `[[1,2,3]]`, "a,b", "[3,2]"},
		{"indexes come first", `["b","10","2","02"]`, `[[1,2,3,4]]`, "2,10,b,02", "[3,2,1,4]"},
		{"no rows, no names", `["a"]`, `[]`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &answering{answer: table(c.columns, c.rows)}
			result, err := Open("DB").Prepare("SELECT").All(a.context(t))
			if err != nil {
				t.Fatal(err)
			}
			result.Next()
			if got := strings.Join(result.Columns(), ","); got != c.wantColumns || string(result.JSON()) != c.wantRow || result.Err() != nil {
				t.Errorf("%s %s %v", got, result.JSON(), result.Err())
			}
			want := Meta{Changes: 2, LastRowID: 9, RowsRead: 7, RowsWritten: 3, ChangedDB: true, SizeAfter: 4096, Duration: 1500 * time.Microsecond, ServedBy: "x", Primary: true}
			if diff := cmp.Diff(want, result.Meta); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatD1RefusesIsAnErrorWithACode(t *testing.T) {
	t.Parallel()
	a := &answering{answer: `{"success":false,"error":"UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)"}`}
	_, err := Open("DB").Prepare("INSERT").Run(a.context(t))
	var refused *Error
	if !errors.As(err, &refused) || refused.Code() != CodeUnique || refused.Message != "D1_ERROR: UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)" {
		t.Errorf("%v", err)
	}
	if _, err := Open("DB").Exec(a.context(t), "INSERT 1\nINSERT 2"); err == nil || !strings.HasPrefix(err.Error(), "DB: D1_EXEC_ERROR: Error in line 1: INSERT 1: UNIQUE") {
		t.Error(err)
	}
	if a.body != `[{"sql":"INSERT 1"},{"sql":"INSERT 2"}]` || a.path != "/execute?resultsFormat=NONE" {
		t.Errorf("%s %s", a.path, a.body)
	}
	for _, broken := range []string{``, `x`, `[]`, `[{"success":true},{"success":true}]`, `[{"results":{"rows":[[1]`, `{`} {
		a.answer = broken
		if rows, err := Open("DB").Prepare("SELECT").Raw(a.context(t)); err == nil {
			t.Errorf("%q was understood: %v", broken, rows)
		}
	}
	a.answer = table(`["a"]`, `[[1,,]]`)
	if err := Open("DB").Prepare("SELECT").First(a.context(t), new(int)); err == nil {
		t.Error("a broken row was understood")
	}
}

func TestASessionSendsTheNewestBookmark(t *testing.T) {
	t.Parallel()
	a := &answering{answer: table(`[]`, `[]`)}
	s := Open("DB").Session("")
	for _, step := range []struct{ answer, sent, after string }{
		{"5", FirstUnconstrained, "5"},
		{"7", "5", "7"},
		{"6", "7", "7"}, // it came late
	} {
		a.bookmark = step.answer
		if _, err := s.Prepare("SELECT").Run(a.context(t)); err != nil {
			t.Fatal(err)
		}
		if a.session != step.sent || s.Bookmark() != step.after {
			t.Errorf("sent %q and has %q, want %q and %q", a.session, s.Bookmark(), step.sent, step.after)
		}
	}
	if Open("DB").Session(FirstPrimary).Bookmark() != "" || Open("DB").Session(" 9 ").Bookmark() != "9" {
		t.Error("a new session's bookmark")
	}
}

func TestABatchIsOneCall(t *testing.T) {
	t.Parallel()
	a := &answering{}
	a.answer = "[" + strings.TrimSuffix(strings.TrimPrefix(table(`["a"]`, `[[1]]`), "["), "]") + "," + strings.TrimPrefix(table(`["a"]`, `[[2]]`), "[")
	db := Open("DB")
	results, err := db.Batch(a.context(t), db.Prepare("SELECT 1"), db.Prepare("SELECT ?").Bind("x"))
	if err != nil || len(results) != 2 || !results[1].Next() || string(results[1].JSON()) != "[2]" {
		t.Fatalf("%v %v", results, err)
	}
	if want := `[{"sql":"SELECT 1","params":[]},{"sql":"SELECT ?","params":["x"]}]`; a.body != want {
		t.Error(a.body)
	}
	if _, err := db.Batch(a.context(t), db.Prepare("SELECT 1")); err == nil {
		t.Error("two results of one statement")
	}
	if _, err := db.Batch(a.context(t), Open("OTHER").Prepare("SELECT 1")); err == nil || err.Error() != "d1: statement 1 of a batch for DB is for OTHER" {
		t.Error(err)
	}
}

// FuzzAnswers reads whatever D1 might answer: errors, but no panics.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(table(`["a","b"]`, `[[1,"x"],[null,[1,2]]]`)))
	f.Add([]byte(`{"success":false,"error":"x"}`))
	f.Add([]byte(table(`["a","1","a"]`, `[[1.5,2,1e300]]`)))
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, objects := range []bool{false, true} {
			results, err := Open("DB").parse(answer, objects)
			if err != nil {
				continue
			}
			for _, r := range results {
				for r.Next() {
					var s, b, a any = new(string), new([]byte), new(any)
					for _, dest := range []any{s, b, a, new(int8), new(*float64), new(time.Time), new(bool)} {
						_ = r.Scan(dest, dest, dest) // it must not panic
					}
				}
			}
		}
	})
}

// deref is what a pointer points to.
func deref(p any) any { return reflect.ValueOf(p).Elem().Interface() }
