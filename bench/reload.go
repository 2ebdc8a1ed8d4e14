package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	loadConnections = 8
	loadReloads     = 5
)

// tally is what one connection saw.
type tally struct {
	took    series // ms
	failed  int
	example error // of a failure
	texts   map[string]int
}

// loaded is a Worker that is deployed while it is asked.
type loaded struct {
	name   string
	what   string // for the table
	config string
	code   string // %q is the version's text
}

// loads is a plain Worker and the hard case: one that keeps a number in a Durable
// Object, whose storage two processes must never hold at once. "/count" adds one to it,
// and everything else, such as clodo's own checks, does not.
func loads() []loaded {
	return []loaded{
		{name: "bench-reload", what: "a Worker", config: `{ "name": "bench-reload", "main": "index.ts", "compatibility_date": "2026-01-01" }`, code: plainCode},
		{name: "bench-counting", what: "a Durable Object", config: `{
  "name": "bench-counting", "main": "index.ts", "compatibility_date": "2026-01-01",
  "durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
  "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }]
}`, code: countingCode},
	}
}

const plainCode = `export default { fetch: () => new Response(%q) };` + "\n"

const countingCode = `import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async fetch(request: Request) {
    let n = ((await this.ctx.storage.get("n")) as number) ?? 0;
    if (new URL(request.url).pathname === "/value") return new Response(String(n));
    await this.ctx.storage.put("n", n + 1);
    return new Response("counted");
  }
}
export default {
  async fetch(request: Request, env: any) {
    const path = new URL(request.url).pathname;
    if (path !== "/count" && path !== "/value") return new Response(%[1]q);
    const res = await env.COUNTER.get(env.COUNTER.idFromName("one")).fetch(request);
    return path === "/value" ? res : new Response(%[1]q);
  },
};
`

// reload deploys new versions of a Worker while connections ask it without a pause.
// Not one request may fail, each answer must be of a version that was deployed, and
// what a Durable Object counted must be what was answered.
func (l *lab) reload(ctx context.Context) error {
	l.say("reload: %d deploys under load on %d connections", loadReloads, loadConnections)
	c, err := l.startCloud(ctx, filepath.Join(l.dir, "cloud-reload"))
	if err != nil {
		return err
	}
	defer func() { _ = c.stop() }() // the numbers are already taken
	for _, w := range loads() {
		if err := l.reloadOne(ctx, c, w); err != nil {
			return fmt.Errorf("%s: %w", w.what, err)
		}
	}
	return nil
}

func version(n int) string { return fmt.Sprintf("version %d", n) }

func (l *lab) reloadOne(ctx context.Context, c *cloud, w loaded) error {
	dir, err := l.project(w.name, "")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "wrangler.jsonc"), []byte(w.config), 0o644); err != nil {
		return err
	}
	ship := func(n int) error {
		if err := os.WriteFile(filepath.Join(dir, "index.ts"), fmt.Appendf(nil, w.code, version(n)), 0o644); err != nil {
			return err
		}
		if _, err := command(ctx, dir, c.env(environment()), l.clodo, "deploy"); err != nil {
			return err
		}
		_, err := answers(ctx, c.Data, c.host(w.name), version(n))
		return err
	}
	if err := ship(0); err != nil {
		return err
	}
	before, err := l.counted(ctx, c, w)
	if err != nil {
		return err
	}
	load, stop := context.WithCancel(ctx)
	defer stop()
	tallies := make([]tally, loadConnections)
	var group sync.WaitGroup
	for i := range tallies {
		group.Go(func() { tallies[i] = ask(load, c.Data, c.host(w.name)) })
	}
	began := time.Now()
	for n := 1; n <= loadReloads && err == nil; n++ {
		err = ship(n)
	}
	stop()
	group.Wait()
	if err != nil {
		return err
	}
	took := time.Since(began)
	after, err := l.counted(ctx, c, w)
	if err != nil {
		return err
	}
	return l.judge(w, tallies, after-before, took)
}

// counted is what a counting Worker counted so far; the others count nothing.
func (l *lab) counted(ctx context.Context, c *cloud, w loaded) (int, error) {
	if w.code != countingCode {
		return 0, nil
	}
	text, err := fetchText(ctx, c.Data+"/value", c.host(w.name))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

func (l *lab) judge(w loaded, tallies []tally, counted int, took time.Duration) error {
	var all series
	var examples []error
	failed, wrong := 0, 0
	texts := map[string]int{}
	for _, one := range tallies {
		all = append(all, one.took...)
		failed += one.failed
		if one.example != nil {
			examples = append(examples, one.example)
		}
		for text, n := range one.texts {
			texts[text] += n
		}
	}
	for n := range loadReloads + 1 {
		delete(texts, version(n))
	}
	for _, n := range texts {
		wrong += n
	}
	if len(all) == 0 {
		return errors.Join(append(examples, errors.New("not one request was answered"))...)
	}
	if w.code == countingCode && failed == 0 && counted != len(all) {
		return fmt.Errorf("%d requests were answered and %d were counted", len(all), counted)
	}
	slices.Sort(all)
	l.add(result{
		what: fmt.Sprintf("%s: failed or wrong of %d requests at %.0f/s during %d deploys", w.what, len(all)+failed, float64(len(all))/took.Seconds(), loadReloads),
		ours: series{float64(failed + wrong)}, noteOfGoal: "0",
	})
	l.add(result{what: w.what + ": latency p50 / p99 / max", unit: "ms", ours: series{all[len(all)/2], all[len(all)*99/100], all[len(all)-1]}})
	return errors.Join(examples...)
}

// ask sends one request after the other on a connection of its own until ctx ends. It
// speaks to the socket itself, because an HTTP client repeats a request silently when
// the connection breaks, which is what has to be seen here. A connection that the
// server announced to close is replaced without counting.
func ask(ctx context.Context, base, host string) tally {
	t := tally{texts: map[string]int{}}
	address, err := url.Parse(base)
	if err != nil {
		t.failed, t.example = 1, err
		return t
	}
	request := []byte("GET /count HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
	var conn net.Conn
	var in *bufio.Reader
	for ctx.Err() == nil {
		if conn == nil {
			if conn, err = net.DialTimeout("tcp", address.Host, 5*time.Second); err != nil {
				t.failed++
				t.example = err
				continue
			}
			in = bufio.NewReader(conn)
		}
		began := time.Now()
		body, last, err := exchange(conn, in, request)
		if err != nil {
			t.failed++
			t.example = err
		} else {
			t.took = append(t.took, time.Since(began).Seconds()*1000)
			t.texts[body]++
		}
		if err != nil || last {
			_ = conn.Close() // replaced
			conn = nil
		}
	}
	if conn != nil {
		_ = conn.Close() // the end
	}
	return t
}

// exchange is one request and its answer; last says that the server closes.
func exchange(conn net.Conn, in *bufio.Reader, request []byte) (body string, last bool, err error) {
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return "", false, err
	}
	if _, err := conn.Write(request); err != nil {
		return "", false, err
	}
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return "", false, err
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return "", false, err
	}
	if res.StatusCode != http.StatusOK {
		return "", false, fmt.Errorf("answered %d %.80q", res.StatusCode, bytes.TrimSpace(b))
	}
	return string(b), res.Close, nil
}
