package api_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

func TestTelemetryAnswersInCloudflaresShape(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.happened("v1", "ok", func(t *runtime.Trace) {
		t.Logs = json.RawMessage(`[{"level":"log","timestamp":` + jsonNumber(c.clock.Now()) + `,"message":[{"order":7}]}]`)
	})
	timeframe := j{"from": c.clock.Now().Add(-time.Hour).UnixMilli(), "to": c.clock.Now().Add(time.Hour).UnixMilli()}
	const path = "/A/workers/observability/telemetry/"
	for _, view := range []string{"events", "invocations", "calculations"} {
		var found struct {
			Events       struct{ Count int }
			Invocations  map[string][]any
			Calculations []struct{ Aggregates []struct{ Value float64 } }
		}
		c.call("POST", path+"query", j{"queryId": "q", "timeframe": timeframe, "view": view, "parameters": j{}}).ok(&found)
		if found.Events.Count+2*len(found.Invocations)+2*len(found.Calculations) != 2 {
			t.Errorf("%s: %+v", view, found)
		}
	}
	var keys, values []struct {
		Key   string
		Value any
	}
	c.call("POST", path+"keys", j{"filters": []any{j{"key": "order", "operation": "exists", "type": "number"}}}).ok(&keys)
	c.call("POST", path+"values", j{"datasets": []string{"cloudflare-workers"}, "key": "order", "type": "number", "timeframe": timeframe}).ok(&values)
	if len(keys) == 0 || len(values) != 1 || values[0].Value != 7.0 {
		t.Errorf("keys %+v, values %+v", keys, values)
	}
	c.call("POST", path+"query", j{"queryId": "q", "timeframe": timeframe, "parameters": j{"filters": []any{j{"key": "a", "operation": "regex", "type": "string", "value": "("}}}}).refused(400, 10001)
	c.call("POST", path+"query", []byte(`{"timeframe":7}`)).refused(400, 10026)
}

func jsonNumber(at time.Time) string {
	b, _ := json.Marshal(at.UnixMilli()) // a number always encodes
	return string(b)
}
