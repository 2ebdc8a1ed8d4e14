package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// happened records an invocation of "web" that took 3 ms.
func (c *client) happened(version, outcome string, more ...func(*runtime.Trace)) {
	c.t.Helper()
	began := float64(c.clock.Now().UnixMilli())
	trace := runtime.Trace{Invoked: runtime.Invoked{Account: account, Script: "web", Version: version}, Outcome: outcome, Began: &began, Ended: began + 3, Event: json.RawMessage(`{"rpcMethod":"m"}`)}
	for _, m := range more {
		m(&trace)
	}
	c.traffic.Traced([]runtime.Trace{trace})
	check(c.t, c.traffic.Sync(c.t.Context()))
}

// graph asks an analytics query and answers its body.
func (c *client) graph(fields string) string {
	c.t.Helper()
	query := `query($a: string!) { viewer { accounts(filter: {accountTag: $a}) { ` + fields + ` } } }`
	a := c.call("POST", "/graphql", j{"query": query, "variables": j{"a": account}})
	if a.status != 200 {
		c.t.Fatalf("%d %s", a.status, a.body)
	}
	return string(a.body)
}

func TestAnalyticsOfWorkers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.happened("v1", "ok")
	c.happened("v1", "exception")
	c.happened("v2", "ok")
	c.happened("v2", "canceled")
	c.happened("v2", "ok", func(t *runtime.Trace) { t.DurableObjectID = "0a" }) // is not counted here
	got := c.graph(`workersInvocationsAdaptive(limit: 100, filter: {scriptName: "web"}, orderBy: [scriptVersion_ASC]) {
		dimensions { scriptVersion } sum { requests errors clientDisconnects cpuTimeUs subrequests wallTime } quantiles { wallTimeP50 cpuTimeP99 } avg { sampleInterval } }`)
	want := `{"data":{"viewer":{"accounts":[{"workersInvocationsAdaptive":[` +
		`{"dimensions":{"scriptVersion":"v1"},"sum":{"requests":2,"errors":1,"clientDisconnects":0,"cpuTimeUs":null,"subrequests":null,"wallTime":6000},"quantiles":{"wallTimeP50":3000,"cpuTimeP99":null},"avg":{"sampleInterval":1}},` +
		`{"dimensions":{"scriptVersion":"v2"},"sum":{"requests":2,"errors":0,"clientDisconnects":1,"cpuTimeUs":null,"subrequests":null,"wallTime":6000},"quantiles":{"wallTimeP50":3000,"cpuTimeP99":null},"avg":{"sampleInterval":1}}` +
		`]}]}},"errors":null}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	check(t, c.clock.Advance(48*time.Hour))
	since := c.clock.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	if got := c.graph(`workersInvocationsAdaptive(filter: {datetime_geq: "` + since + `"}) { sum { requests } }`); !strings.Contains(got, `"workersInvocationsAdaptive":[]`) {
		t.Errorf("two days later: %s", got)
	}
	if got := c.graph(`nonsense { x }`); !strings.Contains(got, `{"data":null,"errors":[{"message":"unknown field \"nonsense\" in account"`) {
		t.Errorf("an unknown dataset: %s", got)
	}
	c.call("POST", "/graphql", "{").refused(400, 10026)
	c.as(limited).call("POST", "/graphql", j{"query": "{viewer{x}}"}).refused(403, 10000)
}

func TestAnalyticsOfDatabases(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var made struct{ UUID string }
	c.call("POST", "/A/d1/database", j{"name": "shop"}).ok(&made)
	c.traffic.Called(d1.Call{
		Database: made.UUID, At: c.clock.Now(), Reads: 1, Writes: 2, RowsRead: 5, RowsWritten: 7, Duration: 2 * time.Millisecond, ResponseBytes: 90,
		Executed: []d1.Executed{{Text: "SELECT 1", RowsRead: 5, RowsReturned: 5, Duration: time.Millisecond}, {Text: "DELETE FROM t", RowsWritten: 7, Duration: time.Millisecond}},
	})
	c.traffic.Called(d1.Call{Database: "of somebody else", At: c.clock.Now(), Reads: 100})
	check(t, c.traffic.Sync(t.Context()))
	got := c.graph(`d1AnalyticsAdaptiveGroups(filter: {databaseId: "` + made.UUID + `"}) { sum { readQueries writeQueries rowsRead rowsWritten queryBatchResponseBytes queryBatchTimeMs } count quantiles { queryBatchTimeMsP90 } }
		d1QueriesAdaptiveGroups(orderBy: [sum_rowsWritten_DESC]) { count dimensions { query } sum { rowsRead rowsReturned rowsWritten } avg { queryDurationMs } }
		d1StorageAdaptiveGroups { dimensions { databaseId } max { databaseSizeBytes } }`)
	for _, want := range []string{
		`"d1AnalyticsAdaptiveGroups":[{"sum":{"readQueries":1,"writeQueries":2,"rowsRead":5,"rowsWritten":7,"queryBatchResponseBytes":90,"queryBatchTimeMs":2},"count":1,"quantiles":{"queryBatchTimeMsP90":2}}]`,
		`"d1QueriesAdaptiveGroups":[{"count":1,"dimensions":{"query":"DELETE FROM t"},"sum":{"rowsRead":0,"rowsReturned":0,"rowsWritten":7},"avg":{"queryDurationMs":1}},{"count":1,"dimensions":{"query":"SELECT 1"},`,
		`"d1StorageAdaptiveGroups":[{"dimensions":{"databaseId":"` + made.UUID + `"},"max":{"databaseSizeBytes":`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s\nwithout %s", got, want)
		}
	}
}

func TestAnalyticsOfBuckets(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/A/r2/buckets", j{"name": "files"}).ok(nil)
	c.with("Cf-R2-Jurisdiction", "eu").call("POST", "/A/r2/buckets", j{"name": "files"}).ok(nil)
	c.call("PUT", "/A/r2/buckets/files/objects/k", []byte("hello")).ok(nil)
	const fields = `{ dimensions { bucketName } max { objectCount payloadSize } }`
	ended := c.clock.Now().Add(-time.Second).Format(time.RFC3339) // before the call, as wrangler asks
	for filter, want := range map[string]string{
		`bucketName: "files", datetime_leq: "` + ended + `"`: `[{"dimensions":{"bucketName":"files"},"max":{"objectCount":1,"payloadSize":5}}]`,
		`bucketName: "eu_files"`:                             `[{"dimensions":{"bucketName":"eu_files"},"max":{"objectCount":0,"payloadSize":0}}]`,
		`datetime_leq: "2020-01-01T00:00:00Z"`:               `[]`,
	} {
		got := c.graph(`r2StorageAdaptiveGroups(limit: 1, filter: {` + filter + `}) ` + fields)
		if !strings.Contains(got, `"r2StorageAdaptiveGroups":`+want) {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}
