package dataset

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/clock"
)

// newStore has three data points in "visits": two of ann, an hour apart, and one of
// bob.
func newStore(t testing.TB) *Store {
	t.Helper()
	var c clock.Clock
	s, err := Open(filepath.Join(t.TempDir(), "analytics.db"), &c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	write := func(account, dataset string, p Point) {
		t.Helper()
		if err := s.Write(context.Background(), account, dataset, p); err != nil {
			t.Fatal(err)
		}
	}
	write("acc", "visits", Point{Indexes: []string{"ann"}, Blobs: []string{"/a", "it's"}, Doubles: []float64{1, 10}})
	write("other", "secrets", Point{})
	if err := c.Advance(time.Hour); err != nil {
		t.Fatal(err)
	}
	write("acc", "visits", Point{Indexes: []string{"ann"}, Blobs: []string{"/b"}, Doubles: []float64{3, 20}})
	write("acc", "visits", Point{Indexes: []string{"bob"}, Blobs: []string{"/a"}, Doubles: []float64{5}})
	return s
}

func TestDatasetsAreReadBySQL(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for query, want := range map[string]string{
		"SELECT count() FROM visits":                                                                   "3",
		"select COUNT(*) AS n, sum(double1) as total from visits;":                                     "3 9",
		"SELECT index1, count() FROM visits GROUP BY index1 ORDER BY index1":                           "ann 2|bob 1",
		"SELECT index1 AS who, avg(double1) AS a FROM visits GROUP BY who ORDER BY a DESC LIMIT 1":     "bob 5",
		"SELECT blob1, double1 FROM visits ORDER BY double1 DESC LIMIT 1 OFFSET 1":                     "/b 3",
		"SELECT blob2 FROM visits WHERE blob2 = 'it''s'":                                               "it's",
		"SELECT double20 FROM visits WHERE index1 = 'bob'":                                             "0",
		"SELECT count() FROM visits WHERE index1 IN ('ann', 'eve') AND NOT blob1 = '/a'":               "1",
		"SELECT count() FROM visits WHERE index1 NOT IN ('ann') OR double1 BETWEEN 3 AND 4":            "2",
		"SELECT count() FROM visits WHERE blob1 LIKE '/%' AND blob1 NOT LIKE '%b'":                     "2",
		"SELECT count() FROM visits WHERE timestamp > NOW() - INTERVAL '30' MINUTE":                    "2",
		"SELECT count() FROM visits WHERE timestamp < toDateTime('2020-01-01 00:00:00')":               "0",
		"SELECT min(double1), max(double1), count(DISTINCT index1) FROM visits":                        "1 5 2",
		"SELECT quantileWeighted(0.5)(double1, _sample_interval) FROM visits":                          "3",
		"SELECT quantileExactWeighted(0.99)(double1, _sample_interval) FROM visits":                    "5",
		"SELECT sum(_sample_interval * double1) / sum(_sample_interval) FROM visits":                   "3",
		"SELECT intDiv(toUnixTimestamp(timestamp), 1) > 0, if(double1 > 2, 'many', 'few') FROM visits": "1 few|1 many|1 many",
		"SELECT count() FROM visits GROUP BY toStartOfInterval(timestamp, INTERVAL '1' HOUR)":          "1|2",
		"SELECT index1, count() AS n FROM visits GROUP BY index1 HAVING n > 1":                         "ann 2",
		"SELECT count() FROM visits WHERE index1 = 'eve'":                                              "0",
		"SELECT sum(double1), min(double1), avg(double1) FROM visits WHERE index1 = 'eve'":             "0  ",
		"SELECT -double1 + 2 * 3 FROM visits WHERE index1 = 'bob' -- the last":                         "1",
		"SELECT upper(index1), length(blob1) FROM visits WHERE index1 = 'bob'":                         "BOB 2",
		"SHOW TABLES": "visits",

		"SELECT * FROM visits":                             "error: SELECT * is not there: name the columns",
		"SELECT count() FROM secrets":                      "error: unable to find the table secrets: no data point was written to a dataset of this name",
		"SELECT colour FROM visits":                        `error: unable to find the column "colour"`,
		"SELECT blob21 FROM visits":                        `error: unable to find the column "blob21"`,
		"SELECT topK(3)(index1) FROM visits":               `error: unknown function "topK"`,
		"SELECT floor() FROM visits":                       `error: function floor got 0 arguments`,
		"SELECT sum(index1) FROM visits":                   `error: sum: ann is no number`,
		"SELECT index1 FROM visits WHERE sum(double1) > 1": `error: sum is not possible here`,
		"SELECT a FROM (SELECT 1)":                         `error: expected a name, found "("`,
		"SELECT a AS b, b AS a FROM visits":                "error: an expression is nested too deep, or names itself",
		"SELECT index1 FROM visits JOIN other":             `error: did not expect "JOIN"`,
		"SELECT index1 FROM visits FORMAT XML":             `error: unknown format "XML": JSON, JSONEachRow and TabSeparated are there`,
		"DROP TABLE visits":                                `error: only SELECT and SHOW TABLES are there, not "DROP"`,
		"SELECT " + strings.Repeat("(", 2000) + "1":        "error: the query is nested too deep",
	} {
		got := ""
		if !strings.Contains(query, "FORMAT") {
			query = strings.TrimSuffix(query, ";") + "\nFORMAT TabSeparated"
		}
		answer, err := s.Query(t.Context(), "acc", query)
		var bad *BadQuery
		switch {
		case errors.As(err, &bad):
			got = "error: " + bad.Reason
		case err != nil:
			t.Fatal(err)
		default:
			got = strings.NewReplacer("\t", " ", "\n", "|").Replace(strings.TrimSuffix(string(answer.Body), "\n"))
		}
		if got != want {
			t.Errorf("%.80s\ngot  %s\nwant %s", query, got, want)
		}
	}
}

func TestWhatIsNoQueryIsRefused(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, query := range []string{"", "SELECT", "SELECT ~ FROM visits", "SELECT 'open FROM visits", "SELECT count( FROM visits", "SELECT 1 FROM visits LIMIT x", "SELECT INTERVAL '1' YEAR FROM visits", "SHOW TABLES visits", strings.Repeat(" ", maxQuery+1)} {
		var bad *BadQuery
		if _, err := s.Query(t.Context(), "acc", query); !errors.As(err, &bad) {
			t.Errorf("%.40q: %v", query, err)
		}
	}
}

func TestTheFormatsOfAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for format, want := range map[string]string{
		"FORMAT JSON":        `{"data":[{"index1":"bob","n":1}],"meta":[{"name":"index1","type":"String"},{"name":"n","type":"Float64"}],"rows":1,"rows_before_limit_at_least":1}`,
		"FORMAT JSONEachRow": `{"index1":"bob","n":1}`,
	} {
		answer, err := s.Query(t.Context(), "acc", "SELECT index1, count() AS n FROM visits WHERE index1 = 'bob' GROUP BY index1 "+format)
		if err != nil || strings.TrimSpace(string(answer.Body)) != want {
			t.Errorf("%s: %v\ngot  %s\nwant %s", format, err, answer.Body, want)
		}
	}
}

func TestDataPointsHaveLimits(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for name, p := range map[string]Point{
		"two indexes":       {Indexes: []string{"a", "b"}},
		"a long index":      {Indexes: []string{strings.Repeat("x", 97)}},
		"too many blobs":    {Blobs: make([]string, 21)},
		"too many doubles":  {Doubles: make([]float64, 21)},
		"blobs of 16 KiB+1": {Blobs: []string{strings.Repeat("x", 16<<10), "x"}},
	} {
		if err := s.Write(t.Context(), "acc", "visits", Point{}, p); err == nil {
			t.Errorf("%s are kept", name)
		}
	}
	if answer, err := s.Query(t.Context(), "acc", "SELECT count() FROM visits FORMAT TabSeparated"); err != nil || string(answer.Body) != "3\n" {
		t.Errorf("%v, %s", err, answer.Body)
	}
}

func FuzzSQL(f *testing.F) {
	s := newStore(f)
	f.Add("SELECT index1 AS a, quantileWeighted(0.5)(double1, _sample_interval) FROM visits WHERE NOT blob1 LIKE '%_' GROUP BY a HAVING a > 1 ORDER BY a DESC LIMIT 3 OFFSET 1 FORMAT JSON")
	f.Add("SELECT toStartOfInterval(timestamp, INTERVAL '5' MINUTE) FROM visits WHERE timestamp BETWEEN now() AND toDateTime('2026-01-01')")
	f.Add("SHOW TABLES;")
	f.Add("SELECT intDiv(1,0), 1%0, -((1)) FROM visits")
	f.Fuzz(func(t *testing.T, query string) {
		_, err := s.Query(context.Background(), "acc", query)
		var bad *BadQuery
		if err != nil && !errors.As(err, &bad) {
			t.Error(err)
		}
	})
}
