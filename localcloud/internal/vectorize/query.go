package vectorize

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"unicode/utf8"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Query asks for the vectors nearest to Vector, or to the one whose id is VectorID.
type Query struct {
	Vector         []float32       `json:"vector"`
	VectorID       string          `json:"vectorId"`
	TopK           *int            `json:"topK"` // default 5
	Namespace      *string         `json:"namespace"`
	ReturnValues   bool            `json:"returnValues"`
	ReturnMetadata Level           `json:"returnMetadata"`
	Filter         json.RawMessage `json:"filter"`
}

// Level is how much metadata matches have: none, indexed or all. In JSON true is all
// and false is none, too.
type Level string

// UnmarshalJSON takes a level or a boolean.
func (l *Level) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true":
		*l = "all"
		return nil
	case "false", "null":
		*l = "none"
		return nil
	}
	return json.Unmarshal(b, (*string)(l))
}

// Match is a vector that was found.
type Match struct {
	Vector
	Score float64 `json:"score"`
}

// Matches are what a query found, the nearest first. Equally near ones are in the
// order of their ids.
type Matches struct {
	Count   int     `json:"count"`
	Matches []Match `json:"matches"`
}

func (q *Query) topK() int {
	if q.TopK == nil {
		return 5
	}
	return *q.TopK
}

func (q *Query) check() error {
	full := q.ReturnValues || q.ReturnMetadata == "all"
	switch {
	case q.topK() < 1 || q.topK() > MaxTopK:
		return refuse(http.StatusBadRequest, 40025, "invalid topK %d: it is 1 to %d", q.topK(), MaxTopK)
	case full && q.topK() > MaxFullTopK:
		return refuse(http.StatusBadRequest, 40025, "invalid topK %d: with values or all metadata it is 1 to %d", q.topK(), MaxFullTopK)
	case !slices.Contains([]Level{"", "none", "indexed", "all"}, q.ReturnMetadata):
		return refuse(http.StatusBadRequest, 40026, "invalid returnMetadata %q: it is none, indexed or all", q.ReturnMetadata)
	case q.Vector != nil && q.VectorID != "":
		return refuse(http.StatusBadRequest, 40027, "a query has either a vector or a vectorId")
	}
	return nil
}

// Query finds the vectors nearest to another one.
func (s *Store) Query(ctx context.Context, account, name string, q Query) (Matches, error) {
	out := Matches{Matches: []Match{}}
	if err := q.check(); err != nil {
		return out, err
	}
	err := s.pool.Read(ctx, func(c *sqlite.Conn) error {
		i, number, err := find(c, account, name)
		if err != nil {
			return err
		}
		f, err := parseFilter(&i, q.Filter)
		if err != nil {
			return err
		}
		target := q.Vector
		if q.VectorID != "" {
			if target, err = byID(c, number, q.VectorID); err != nil {
				return err
			}
		}
		if len(target) != i.Dimensions {
			return refuse(http.StatusBadRequest, 40006, "invalid query vector, expected %d dimensions, and got %d dimensions", i.Dimensions, len(target))
		}
		t, err := s.table(ctx, c, &i, number)
		if err != nil {
			return err
		}
		out.Matches = scan(t, &i, &q, target, f)
		return nil
	})
	if err != nil {
		return out, err
	}
	out.Count = len(out.Matches)
	return out, nil
}

func byID(c *sqlite.Conn, number int64, id string) (values []float32, err error) {
	err = c.Query(func(row *sqlite.Stmt) error {
		values = vector(row).Values
		return nil
	}, "SELECT id, namespace, metadata, floats FROM vectors WHERE of = ? AND id = ?", number, id)
	if err == nil && values == nil {
		err = refuse(http.StatusNotFound, 40028, "there is no vector with the id %q", id)
	}
	return values, err
}

// scan looks at every vector that the query allows.
func scan(t *table, i *Index, q *Query, target []float32, f filter) []Match {
	best := nearest{matches: []Match{}, limit: q.topK(), ascending: i.Metric != Cosine}
	measure := measureOf(i.Metric, target)
	for n, r := range t.rows {
		if q.Namespace != nil && r.namespace != *q.Namespace || f != nil && !f.matches(r.metadata, r.change) {
			continue
		}
		values := t.floats[n*i.Dimensions : (n+1)*i.Dimensions]
		score := measure(values)
		if !best.takes(score) {
			continue
		}
		m := Match{Score: score, Vector: Vector{ID: r.id, Namespace: r.namespace}}
		if q.ReturnValues {
			m.Values = values
		}
		switch {
		case r.metadata == "":
		case q.ReturnMetadata == "all":
			m.Metadata = json.RawMessage(r.metadata)
		case q.ReturnMetadata == "indexed":
			m.Metadata = i.indexed(r.metadata, r.change)
		}
		best.add(m)
	}
	return best.matches
}

// indexed is the part of a vector's metadata that the metadata indexes have.
func (i *Index) indexed(metadata string, change int64) json.RawMessage {
	all := map[string]any{}
	if json.Unmarshal([]byte(metadata), &all) != nil {
		return nil
	}
	part := map[string]any{}
	for _, p := range i.Properties {
		if value, ok := p.value(all, change); ok {
			part[p.Name] = value
		}
	}
	b, err := json.Marshal(part)
	if err != nil || len(part) == 0 {
		return nil
	}
	return b
}

// value is what a metadata index knows of a vector.
func (p Property) value(metadata map[string]any, change int64) (any, bool) {
	value, ok := lookup(metadata, p.Name)
	if !ok || change <= p.Since {
		return nil, false
	}
	switch v := value.(type) {
	case string:
		return truncate(v), p.Type == "string"
	case float64:
		return v, p.Type == "number"
	case bool:
		return v, p.Type == "boolean"
	}
	return nil, false
}

// truncate cuts a string as metadata indexes do, between characters.
func truncate(s string) string {
	if len(s) <= maxIndexed {
		return s
	}
	s = s[:maxIndexed]
	for !utf8.ValidString(s) && s != "" {
		s = s[:len(s)-1]
	}
	return s
}

// nearest keeps the best matches, sorted.
type nearest struct {
	matches   []Match
	limit     int
	ascending bool // the lowest score is the best
}

func (n *nearest) compare(a, b float64) int {
	if n.ascending {
		return cmp.Compare(a, b)
	}
	return cmp.Compare(b, a)
}

// takes reports whether a match with that score may have a place.
func (n *nearest) takes(score float64) bool {
	return len(n.matches) < n.limit || n.compare(score, n.matches[len(n.matches)-1].Score) <= 0
}

func (n *nearest) add(m Match) {
	at, _ := slices.BinarySearchFunc(n.matches, m, func(a, b Match) int {
		return cmp.Or(n.compare(a.Score, b.Score), cmp.Compare(a.ID, b.ID))
	})
	if at == n.limit {
		return
	}
	if len(n.matches) == n.limit {
		n.matches = n.matches[:n.limit-1]
	}
	n.matches = slices.Insert(n.matches, at, m)
}

// measureOf is the score of a vector against target.
func measureOf(metric string, target []float32) func([]float32) float64 {
	switch metric {
	case Euclidean:
		return func(v []float32) float64 { return math.Sqrt(distance(target, v)) }
	case DotProduct:
		return func(v []float32) float64 { return -product(target, v) }
	}
	length := math.Sqrt(product(target, target))
	return func(v []float32) float64 {
		both := length * math.Sqrt(product(v, v))
		if both == 0 {
			return 0 // a vector without a direction
		}
		return max(-1, min(1, product(target, v)/both))
	}
}

// product and distance add up in four lanes, so that the processor need not wait for
// one sum before the next.
func product(a, b []float32) float64 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return float64(s0) + float64(s1) + float64(s2) + float64(s3)
}

func distance(a, b []float32) float64 {
	var s0, s1, s2, s3 float32
	b = b[:len(a)]
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		d0, d1, d2, d3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(a); i++ {
		d := a[i] - b[i]
		s0 += d * d
	}
	return float64(s0) + float64(s1) + float64(s2) + float64(s3)
}
