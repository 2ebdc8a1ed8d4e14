package api_test

import (
	"encoding/json"
	"testing"
)

func TestModelsRunOnTheUpstream(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for path, want := range map[string]string{
		"/A/ai/run/echo":              `{"text":"echo {\"a\":1}"}`,
		"/A/ai/run/meta/echo":         `{"text":"meta/echo {\"a\":1}"}`,
		"/A/ai/run/@cf/meta/echo":     `{"text":"@cf/meta/echo {\"a\":1}"}`,
		"/A/ai/run/@cf%2Fmeta%2Fecho": `{"text":"@cf/meta/echo {\"a\":1}"}`,
	} {
		var got json.RawMessage
		c.call("POST", path, j{"a": 1}).ok(&got)
		if string(got) != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := c.call("POST", "/A/ai/run/stream", j{"a": 1}); got.status != 200 || string(got.body) != "data: 1\n\n" {
		t.Errorf("a stream: %d %q", got.status, got.body)
	}
	c.call("POST", "/A/ai/run/broken", j{}).refused(502, 3040)
	c.call("POST", "/A/ai/run/missing", j{}).refused(404, 3040)
	c.call("POST", "/A/ai/run/a%2F..%2Fb", j{}).refused(400, 5007)
}
