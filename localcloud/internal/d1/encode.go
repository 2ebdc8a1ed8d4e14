package d1

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/tamylaa/clodo/internal/jsonwire"
	"github.com/tamylaa/clodo/internal/sqlite"
	driver "zombiezen.com/go/sqlite"
)

// bind gives a parameter its value. JavaScript has one kind of number, so D1 binds
// every number as REAL; a column's affinity makes it an integer again.
func bind(stmt *sqlite.Stmt, i int, raw json.RawMessage) error {
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		stmt.BindNull(i)
	case raw[0] == 't':
		stmt.BindFloat(i, 1)
	case raw[0] == 'f':
		stmt.BindFloat(i, 0)
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return &Error{fmt.Sprintf("parameter %d: %v", i, err)}
		}
		stmt.BindText(i, s)
	case raw[0] == '[':
		var numbers []blobByte
		if err := json.Unmarshal(raw, &numbers); err != nil {
			return &Error{fmt.Sprintf("parameter %d: %v", i, err)}
		}
		b := make([]byte, len(numbers))
		for j, n := range numbers {
			b[j] = byte(n)
		}
		stmt.BindBytes(i, b)
	case raw[0] == '{':
		return &Error{fmt.Sprintf("parameter %d is an object, which D1 cannot store", i)}
	default:
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return &Error{fmt.Sprintf("parameter %d: %v", i, err)}
		}
		stmt.BindFloat(i, f)
	}
	return nil
}

// blobByte decodes a byte of a blob; encoding/json reads []byte as base64.
type blobByte uint8

func appendRow(b []byte, stmt *sqlite.Stmt, width int) []byte {
	b = append(b, '[')
	for i := range width {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendValue(b, stmt, i)
	}
	return append(b, ']')
}

func appendObject(b []byte, stmt *sqlite.Stmt, keys []key) []byte {
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, k.text...)
		b = appendValue(b, stmt, k.index)
	}
	return append(b, '}')
}

func appendValue(b []byte, stmt *sqlite.Stmt, i int) []byte {
	switch stmt.ColumnType(i) {
	case driver.TypeInteger:
		return strconv.AppendInt(b, stmt.ColumnInt64(i), 10)
	case driver.TypeFloat:
		return appendNumber(b, stmt.ColumnFloat(i))
	case driver.TypeText:
		return jsonwire.AppendString(b, stmt.ColumnText(i))
	case driver.TypeBlob:
		blob := make([]byte, stmt.ColumnLen(i))
		stmt.ColumnBytes(i, blob)
		b = append(b, '[')
		for j, c := range blob {
			if j > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(c), 10)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

// appendNumber writes what JSON.stringify would: infinities are null, 1.0 is 1.
func appendNumber(b []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(b, "null"...)
	}
	if f == 0 {
		return append(b, '0') // no negative zero
	}
	if a := math.Abs(f); a < 1e-6 || a >= 1e21 {
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// meta is the account that D1 gives of a statement.
type meta struct {
	rowsRead    int64
	rowsWritten int64
	changes     int64
	lastRowID   int64
	changed     bool
	size        int64
	duration    time.Duration
}

// count takes what the statement that just ran cost; its changes are known.
func (m *meta) count(c *sqlite.Conn, p *prepared, first int64) {
	var own int64
	if m.changes > 0 {
		own = c.Changes()
	}
	steps := c.TakeSteps(p.stmt)
	m.rowsRead = p.account.read(steps, first, own, m.changes)
	if !p.readOnly {
		m.rowsWritten = p.account.wrote(steps, own, m.changes, p.schema)
	}
}

func (m meta) append(b []byte) []byte {
	ms := float64(m.duration.Microseconds()) / 1000
	b = append(b, `{"served_by":"clodo","served_by_primary":true,"timings":{"sql_duration_ms":`...)
	b = appendNumber(b, ms)
	b = append(b, `},"duration":`...)
	b = appendNumber(b, ms)
	b = append(b, `,"changes":`...)
	b = strconv.AppendInt(b, m.changes, 10)
	b = append(b, `,"last_row_id":`...)
	b = strconv.AppendInt(b, m.lastRowID, 10)
	b = append(b, `,"changed_db":`...)
	b = strconv.AppendBool(b, m.changed)
	b = append(b, `,"size_after":`...)
	b = strconv.AppendInt(b, m.size, 10)
	b = append(b, `,"rows_read":`...)
	b = strconv.AppendInt(b, m.rowsRead, 10)
	b = append(b, `,"rows_written":`...)
	b = strconv.AppendInt(b, m.rowsWritten, 10)
	return append(b, `,"total_attempts":1}`...)
}
