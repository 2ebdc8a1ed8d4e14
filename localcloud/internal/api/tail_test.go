package api_test

import (
	"strings"
	"testing"
)

func TestTailsAreMadeSeenAndDeleted(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.call("POST", "/S/tails", j{"filters": []any{}}).refused(404, 10007)
	c.deployed()
	c.call("GET", "/S/tails", nil).refused(404, 10058)
	var made, seen struct {
		ID, URL string
		Expires string `json:"expires_at"`
	}
	c.call("POST", "/S/tails", j{"filters": []any{j{"outcome": []string{"ok"}}}}).ok(&made)
	c.call("GET", "/S/tails", nil).ok(&seen)
	if made != seen || len(made.ID) != 32 || made.Expires == "" || !strings.HasPrefix(made.URL, "ws"+strings.TrimPrefix(c.url, "http")+"/") || !strings.HasSuffix(made.URL, made.ID) {
		t.Errorf("made %+v, seen %+v", made, seen)
	}
	c.call("POST", "/S/tails", j{"filters": []any{j{"colour": "red"}}}).refused(400, 10026)
	c.call("DELETE", "/S/tails/"+made.ID, nil).ok(nil)
	c.call("DELETE", "/S/tails/"+made.ID, nil).refused(404, 10058)
	for range 10 {
		c.call("POST", "/S/tails", j{"filters": []any{}}).ok(nil)
	}
	c.call("POST", "/S/tails", j{"filters": []any{}}).refused(429, 10004)
}

func TestTailConsumersHaveToExist(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	consumers := func(name string) j { return j{"tail_consumers": []any{j{"service": name}}} }
	c.call("PUT", "/S", upload(meta(consumers("logger")), "index.js", hello)).refused(404, 10203)
	c.call("PUT", "/A/workers/scripts/logger", upload(meta(), "index.js", hello)).ok(nil)
	c.deployed(consumers("logger"))
	w, _ := c.stage.worker("web")
	if len(w.TailConsumers) != 1 || w.TailConsumers[0] != "logger" {
		t.Errorf("the runtime was told of the consumers %v", w.TailConsumers)
	}
	var producers []struct{ Producer struct{ Service string } }
	c.call("GET", "/A/workers/tails/by-consumer/logger", nil).ok(&producers)
	if len(producers) != 1 || producers[0].Producer.Service != "web" {
		t.Errorf("logger is told to read the logs of %v", producers)
	}
	if a := c.call("DELETE", "/A/workers/scripts/logger", nil).refused(400, 10142); !strings.Contains(string(a.body), "referenced by web.") {
		t.Errorf("logger is not deleted as %s", a.body)
	}
	c.call("PATCH", "/S/script-settings", consumers("nobody")).refused(404, 10203)
	c.call("PATCH", "/S/script-settings", consumers("web")).refused(400, 10203)
	c.call("PATCH", "/S/script-settings", j{"tail_consumers": "logger"}).refused(400, 10001)
	c.call("PATCH", "/S/script-settings", j{"tail_consumers": []any{j{"service": "logger", "namespace": "n"}}}).refused(400, 10203)
	c.call("PATCH", "/S/script-settings", j{"tail_consumers": []any{}}).ok(nil)
	if w, _ = c.stage.worker("web"); len(w.TailConsumers) != 0 {
		t.Errorf("the runtime still knows the consumers %v", w.TailConsumers)
	}
	c.call("DELETE", "/A/workers/scripts/logger", nil).ok(nil)
}
