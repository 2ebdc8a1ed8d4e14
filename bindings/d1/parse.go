package d1

import (
	"errors"
	"time"

	"github.com/tamylaa/clodo/internal/jsonwire"
)

// parse reads an answer: an array with an element for each statement, or an object with
// what went wrong. asObjects says that D1 makes an object of a row.
func (d *DB) parse(answer []byte, asObjects bool) ([]*Result, error) {
	r := jsonwire.NewReader(answer)
	if r.Peek() == '{' {
		_, failure := parseResult(&r)
		if err := r.Err(); err != nil {
			return nil, d.broken(err)
		}
		return nil, &Error{Binding: d.binding, Message: "D1_ERROR: " + failure}
	}
	results := make([]*Result, 0, 1)
	for ok := r.Begin('['); ok; ok = r.More(']') {
		result, failure := parseResult(&r)
		if failure != "" {
			return nil, &Error{Binding: d.binding, Message: "D1_ERROR: " + failure}
		}
		results = append(results, result)
	}
	if err := r.Err(); err != nil {
		return nil, d.broken(err)
	}
	if asObjects {
		for _, result := range results {
			if err := result.merge(); err != nil {
				return nil, d.broken(err)
			}
		}
	}
	return results, nil
}

// parseResult reads one statement's result, or what was wrong with it.
func parseResult(r *jsonwire.Reader) (result *Result, failure string) {
	result = &Result{}
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		switch r.Key() {
		case "success":
			if !r.Bool() && failure == "" {
				failure = "Something went wrong" // in the words of D1's binding
			}
		case "error":
			failure = r.String()
		case "results":
			result.parseRows(r)
		case "meta":
			result.Meta.parse(r)
		default:
			r.Skip()
		}
	}
	return result, failure
}

func (r *Rows) parseRows(from *jsonwire.Reader) {
	if from.Peek() != '{' { // the empty array of a statement whose rows nobody asked for
		from.Skip()
		return
	}
	for ok := from.Begin('{'); ok; ok = from.More('}') {
		switch from.Key() {
		case "columns":
			for ok := from.Begin('['); ok; ok = from.More(']') {
				r.columns = append(r.columns, from.String())
			}
		case "rows":
			r.next = jsonwire.NewReader(from.Raw())
		default:
			from.Skip()
		}
	}
}

func (m *Meta) parse(r *jsonwire.Reader) {
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		key := r.Key()
		if r.Null() {
			continue
		}
		switch key {
		case "changes":
			m.Changes = r.Int()
		case "last_row_id":
			m.LastRowID = r.Int()
		case "rows_read":
			m.RowsRead = r.Int()
		case "rows_written":
			m.RowsWritten = r.Int()
		case "changed_db":
			m.ChangedDB = r.Bool()
		case "size_after":
			m.SizeAfter = r.Int()
		case "duration":
			m.Duration = milliseconds(r.Float())
		case "served_by":
			m.ServedBy = r.String()
		case "served_by_region":
			m.Region = r.String()
		case "served_by_primary":
			m.Primary = r.Bool()
		default:
			r.Skip()
		}
	}
}

func milliseconds(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// errWidth is of a row that is not as wide as the names of its columns.
var errWidth = errors.New("a row has not as many values as there are columns")
