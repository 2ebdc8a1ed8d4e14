package clodotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/goprogram"
	"github.com/tamylaa/clodo/internal/lazyregexp"
)

// forwarder begins a Worker that hands its requests to a handler in the test's process.
const forwarder = `import { WorkerEntrypoint } from "cloudflare:workers";
const forward = (of, request, env) => {
	const url = new URL(request.url);
	const headers = new Headers(request.headers);
	headers.set("clodotest-of", of);
	headers.set("clodotest-host", url.host);
	return fetch(env.CLODOTEST_TO + url.pathname + url.search, { method: request.method, headers, body: request.body, redirect: "manual" });
};
`

// ownDate is the compatibility date of forwarders.
const ownDate = "2026-11-01"

// identifier is what a class can be called.
var identifier = lazyregexp.New(`^[A-Za-z_$][\w$]*$`)

// code is what a Worker is uploaded with.
type code struct {
	main     string
	modules  []goprogram.Module
	bindings []json.RawMessage // beside those of its wrangler file
}

// forwarders are the code of Workers that hand requests to handlers, by their names. A
// handler is for NAME, or for NAME#ENTRYPOINT.
func forwarders(t testing.TB, all map[string]http.Handler) (map[string]code, error) {
	entrypoints := map[string][]string{}
	for key := range all {
		name, entrypoint, named := strings.Cut(key, "#")
		if named && !identifier.MatchString(entrypoint) {
			return nil, fmt.Errorf("the service %q: an entrypoint is the name of a class", key)
		}
		entrypoints[name] = append(entrypoints[name], entrypoint)
	}
	if len(all) == 0 {
		return nil, nil
	}
	to, err := handlers(t, all)
	if err != nil {
		return nil, err
	}
	binding, err := json.Marshal(map[string]string{"type": "plain_text", "name": "CLODOTEST_TO", "text": to})
	if err != nil {
		return nil, err
	}
	made := map[string]code{}
	for name, list := range entrypoints {
		module := goprogram.Module{Name: "main.js", ContentType: "application/javascript+module", Bytes: forwarding(name, list)}
		made[name] = code{"main.js", []goprogram.Module{module}, []json.RawMessage{binding}}
	}
	return made, nil
}

// forwarding is the module of one Worker; the entrypoint "" is the usual one.
func forwarding(name string, entrypoints []string) []byte {
	quoted, err := json.Marshal(name)
	if err != nil {
		panic(err) // a string always encodes
	}
	var b strings.Builder
	b.WriteString(forwarder)
	fmt.Fprintf(&b, "const name = %s;\n", quoted)
	for _, entrypoint := range slices.Sorted(slices.Values(entrypoints)) {
		if entrypoint == "" {
			b.WriteString("export default { fetch: (request, env) => forward(name, request, env) };\n")
			continue
		}
		fmt.Fprintf(&b, "export class %[1]s extends WorkerEntrypoint { fetch(request) { return forward(name + \"#%[1]s\", request, this.env); } }\n", entrypoint)
	}
	return []byte(b.String())
}

// handlers serves what forwarders hand on, until the test ends, and gives its address.
func handlers(t testing.TB, all map[string]http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	all = maps.Clone(all)
	server := &http.Server{ReadHeaderTimeout: 30 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		of := all[r.Header.Get("Clodotest-Of")]
		if of == nil {
			http.NotFound(w, r)
			return
		}
		r.Host = r.Header.Get("Clodotest-Host")
		r.Header.Del("Clodotest-Host")
		r.Header.Del("Clodotest-Of")
		of.ServeHTTP(w, r)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		_ = server.Close() // the test is over
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("clodotest: the services: %v", err)
		}
	})
	return "http://" + listener.Addr().String(), nil
}
