package api_test

import (
	"net/url"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/dataset"
)

func TestDatasetsAreAskedInSQL(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	check(t, c.points.Write(t.Context(), account, "visits", dataset.Point{Indexes: []string{"ann"}, Doubles: []float64{2}}))
	const sql = "SELECT index1, sum(double1) AS total FROM visits GROUP BY index1"
	want := `{"data":[{"index1":"ann","total":2}],"meta":[{"name":"index1","type":"String"},{"name":"total","type":"Float64"}],"rows":1,"rows_before_limit_at_least":1}` + "\n"
	for what, a := range map[string]answer{
		"as a body":      c.call("POST", "/A/analytics_engine/sql", []byte(sql)),
		"as a parameter": c.call("GET", "/A/analytics_engine/sql?query="+url.QueryEscape(sql), nil),
	} {
		if a.status != 200 || string(a.body) != want {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	c.call("POST", "/A/analytics_engine/sql", []byte("DELETE FROM visits")).refused(422, 10001)
	c.as(limited).call("POST", "/A/analytics_engine/sql", []byte(sql)).refused(403, 10000)
	c.call("PUT", "/S", upload(meta(j{"bindings": []any{j{"type": "analytics_engine", "name": "A", "dataset": "not a name"}}}), "index.js", hello)).refused(400, 10021)
}
