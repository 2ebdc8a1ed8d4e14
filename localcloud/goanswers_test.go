package localcloud

import "testing"

// answersOnWorkers compares what a program sends with what a server of net/http would.
func answersOnWorkers(t *testing.T, service goService) {
	t.Helper()
	tests := map[string]struct {
		method, path string
		status       int
		body         string
		header       map[string]string
	}{
		"the type is seen":                     {"GET", "page", 200, "<!doctype html><p>x", map[string]string{"Content-Type": "text/html; charset=utf-8"}},
		"also for HEAD, with the length":       {"HEAD", "page", 200, "", map[string]string{"Content-Type": "text/html; charset=utf-8", "Content-Length": "19"}},
		"none where none is wanted":            {"GET", "untyped", 200, "<!doctype html><p>x", map[string]string{"Content-Type": ""}},
		"names that are none are left out":     {"GET", "headers", 200, "x", map[string]string{"X-Ok": "a  X-Evil:  b", "X-Evil": "", "Name": ""}},
		"the last status":                      {"GET", "status/599", 599, "x", nil},
		"one that cannot be is a panic":        {"GET", "status/600", 500, "Internal Server Error\n", nil},
		"one that is none is too":              {"GET", "status/0", 500, "Internal Server Error\n", nil},
		"one that only informs is passed by":   {"GET", "status/103", 200, "x", nil},
		"an error that comes late":             {"GET", "late", 200, "x", map[string]string{"Content-Type": "text/plain; charset=utf-8"}},
		"what is not there goes through Use":   {"GET", "nothing", 404, `{"title":"Not Found","status":404,"detail":"There is nothing at /answer/nothing.","code":"not_found"}`, nil},
		"so does a method that is not there":   {"PUT", "page", 405, `{"title":"Method Not Allowed","status":405,"detail":"/answer/page takes GET, HEAD, OPTIONS, not PUT.","code":"method_not_allowed"}`, nil},
		"the next one is as if nothing was":    {"GET", "page", 200, "<!doctype html><p>x", nil},
		"a HEAD of what is not there is 404":   {"HEAD", "nothing", 404, "", map[string]string{"Content-Type": "application/problem+json"}},
		"a HEAD whose status cannot be is 500": {"HEAD", "status/600", 500, "", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := service.ask(test.method, "/answer/"+test.path, nil)
			if got := text(t, res); got != test.body || res.StatusCode != test.status {
				t.Errorf("%d %q, want %d %q", res.StatusCode, got, test.status, test.body)
			}
			for name, want := range test.header {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			if test.status < 500 && res.Header.Get("X-Request-Id") == "" {
				t.Error("it has no request id")
			}
		})
	}
}
