package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// promise is one way to have the cloud keep something. write says the number n to it,
// and nil is its acknowledgement; read says afterwards which numbers are there.
type promise struct {
	name  string
	pace  time.Duration // between two writes, besides their own time
	write func(ctx context.Context, l *life, n int) error
	// all reads everything that is there, for promises that keep each number; last the
	// one number that is there, for those where the newest replaces the one before. One
	// of the two.
	all  func(ctx context.Context, l *life, written int) (map[int]bool, error)
	last func(ctx context.Context, l *life) (int, error)
}

// resources are what promises write to, made in the first life.
type resources struct{ database, namespace, queue string }

// prepare makes the resources and deploys the Workers.
func prepare(t *testing.T, l *life) resources {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var database struct{ UUID string }
	check(l.do(ctx, "POST", "{a}/d1/database", map[string]string{"name": "kept"}, &database))
	var namespace struct{ ID string }
	check(l.do(ctx, "POST", "{a}/storage/kv/namespaces", map[string]string{"title": "kept"}, &namespace))
	check(l.do(ctx, "POST", "{a}/r2/buckets", map[string]string{"name": "kept"}, nil))
	var queue struct {
		ID string `json:"queue_id"`
	}
	check(l.do(ctx, "POST", "{a}/queues", map[string]string{"queue_name": "kept"}, &queue))
	r := resources{database.UUID, namespace.ID, queue.ID}
	check(r.query(ctx, l, `CREATE TABLE singles (n INTEGER NOT NULL); CREATE TABLE batches (n INTEGER NOT NULL, part INTEGER NOT NULL);
		CREATE TABLE direct (n INTEGER NOT NULL, part INTEGER NOT NULL); CREATE TABLE delivered (sent TEXT NOT NULL, n INTEGER NOT NULL)`, nil))
	code := func(name string) string {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		check(err)
		return string(b)
	}
	check(l.deploy(ctx, "keeper", code("keeper.js"), `,"bindings":[{"name":"DB","type":"d1","id":"`+r.database+`"},{"name":"KV","type":"kv_namespace","namespace_id":"`+r.namespace+`"},
		{"name":"BUCKET","type":"r2_bucket","bucket_name":"kept"},{"name":"QUEUE","type":"queue","queue_name":"kept"}]`))
	check(l.do(ctx, "POST", "{a}/queues/"+r.queue+"/consumers", map[string]any{
		"type": "worker", "script_name": "keeper", "settings": map[string]int{"batch_size": 50, "max_wait_time_ms": 0, "max_retries": 100},
	}, nil))
	check(l.deploy(ctx, "object", code("object.js"), `,"migrations":{"new_tag":"v1","new_sqlite_classes":["Kept"]},"bindings":[{"name":"NUMBER","type":"durable_object_namespace","class_name":"Kept"}]`))
	check(l.deploy(ctx, "vault", `export default { fetch: (request, env) => new Response(env.NUMBER ?? "0") }`, ""))
	check(l.deploy(ctx, "turn", turn(0), ""))
	for _, name := range []string{"keeper", "object", "vault", "turn"} {
		check(l.do(ctx, "POST", "{a}/workers/scripts/"+name+"/subdomain", map[string]bool{"enabled": true}, nil))
	}
	return r
}

// turn is the code of the Worker that is deployed again and again.
func turn(n int) string { return fmt.Sprintf(`export default { fetch: () => new Response("%d") }`, n) }

// query runs SQL through the API; out gets the rows of the last statement.
func (r resources) query(ctx context.Context, l *life, sql string, out any) error {
	var results []struct{ Results json.RawMessage }
	if err := l.do(ctx, "POST", "{a}/d1/database/"+r.database+"/query", map[string]string{"sql": sql}, &results); err != nil || out == nil {
		return err
	}
	return json.Unmarshal(results[len(results)-1].Results, out)
}

// rows are the numbers of a table; each must be there as often as parts says, since a
// batch is kept as a whole or not at all.
func (r resources) rows(table string, parts int) func(context.Context, *life, int) (map[int]bool, error) {
	return func(ctx context.Context, l *life, _ int) (map[int]bool, error) {
		var rows []struct{ N, Parts int }
		if err := r.query(ctx, l, "SELECT n, count(*) AS parts FROM "+table+" GROUP BY n", &rows); err != nil {
			return nil, err
		}
		there := map[int]bool{}
		for _, row := range rows {
			if row.Parts != parts {
				return nil, fmt.Errorf("%d of the %d rows of number %d are there", row.Parts, parts, row.N)
			}
			there[row.N] = true
		}
		return there, nil
	}
}

// delivered are the numbers of the messages that reached the consumer, each at least
// once.
func (r resources) delivered(sent string) func(context.Context, *life, int) (map[int]bool, error) {
	return func(ctx context.Context, l *life, _ int) (map[int]bool, error) {
		var rows []struct{ N int }
		if err := r.query(ctx, l, "SELECT DISTINCT n FROM delivered WHERE sent = '"+sent+"'", &rows); err != nil {
			return nil, err
		}
		there := map[int]bool{}
		for _, row := range rows {
			there[row.N] = true
		}
		return there, nil
	}
}

// keys are the numbers of the keys that begin with prefix.
func (r resources) keys(ctx context.Context, l *life, prefix string) (map[int]bool, error) {
	there := map[int]bool{}
	for cursor := ""; ; {
		answer, err := l.api(ctx, "GET", "{a}/storage/kv/namespaces/"+r.namespace+"/keys?prefix="+url.QueryEscape(prefix)+"&cursor="+url.QueryEscape(cursor), "", nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Result     []struct{ Name string }
			ResultInfo struct{ Cursor string } `json:"result_info"`
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, err
		}
		for _, k := range page.Result {
			n, err := strconv.Atoi(strings.TrimPrefix(k.Name, prefix))
			if err != nil {
				return nil, err
			}
			there[n] = true
		}
		if cursor = page.ResultInfo.Cursor; cursor == "" {
			return there, nil
		}
	}
}

// objects are the numbers of the objects that begin with prefix. The content of the
// newest is read too: it has to be the one that was put.
func objects(prefix string, content func(n int) string) func(context.Context, *life, int) (map[int]bool, error) {
	return func(ctx context.Context, l *life, written int) (map[int]bool, error) {
		there := map[int]bool{}
		for cursor := ""; ; {
			answer, err := l.api(ctx, "GET", "{a}/r2/buckets/kept/objects?per_page=1000&prefix="+prefix+"&cursor="+url.QueryEscape(cursor), "", nil)
			if err != nil {
				return nil, err
			}
			var page struct {
				Result []struct {
					Key  string
					Size int
				}
				ResultInfo struct{ Cursor string } `json:"result_info"`
			}
			if err := json.Unmarshal(answer, &page); err != nil {
				return nil, err
			}
			for _, o := range page.Result {
				n, err := strconv.Atoi(strings.TrimPrefix(o.Key, prefix))
				if err != nil {
					return nil, err
				}
				if there[n] = true; n < written-3 {
					continue // was read after an earlier death
				}
				got, err := l.ask(ctx, "GET", "keeper", "/r2?key="+o.Key, nil)
				if err != nil {
					return nil, err
				}
				if got != content(n) || o.Size != len(got) {
					return nil, fmt.Errorf("the object %s has %d bytes (%d are listed), and not the %d that were put", o.Key, len(got), o.Size, len(content(n)))
				}
			}
			if cursor = page.ResultInfo.Cursor; cursor == "" {
				return there, nil
			}
		}
	}
}

// large and small are the contents of objects: beside the database, and in it.
func large(n int) string { return strings.Repeat(fmt.Sprintf("%07d ", n), 12_000+n%100) }

func small(n int) string { return strings.Repeat(fmt.Sprintf("%07d ", n), 1+n%100) }

func (r resources) value(key string) string {
	return "{a}/storage/kv/namespaces/" + r.namespace + "/values/" + key
}

// kept asks the keeper for something and wants its acknowledgement.
func kept(ctx context.Context, l *life, method, worker, target, body string) error {
	answer, err := l.ask(ctx, method, worker, target, []byte(body))
	if err == nil && answer != "kept" {
		err = fmt.Errorf("%s %s answered %.100q", method, target, answer)
	}
	return err
}

// told is the number that a Worker answers.
func told(worker string) func(context.Context, *life) (int, error) {
	return func(ctx context.Context, l *life) (int, error) {
		text, err := l.ask(ctx, "GET", worker, "/", nil)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(text)
	}
}

// promises are all that a killed cloud has to keep.
func (r resources) promises() []promise {
	const parts = 5
	return []promise{
		{name: "a row of D1 from a Worker", all: r.rows("singles", 1), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "POST", "keeper", fmt.Sprintf("/d1/row?n=%d", n), "")
		}},
		{name: "a batch of D1 from a Worker", all: r.rows("batches", parts), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "POST", "keeper", fmt.Sprintf("/d1/batch?n=%d", n), "")
		}},
		{name: "several statements of D1 through the API", all: r.rows("direct", parts), write: func(ctx context.Context, l *life, n int) error {
			return r.query(ctx, l, strings.Repeat(fmt.Sprintf("INSERT INTO direct VALUES (%d, 0);", n), parts), nil)
		}},
		{name: "a value of KV from a Worker", write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "PUT", "keeper", fmt.Sprintf("/kv?key=w%d", n), strconv.Itoa(n))
		}, all: func(ctx context.Context, l *life, _ int) (map[int]bool, error) { return r.keys(ctx, l, "w") }},
		{name: "a value of KV from a Worker, again and again", write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "PUT", "keeper", "/kv?key=same", strconv.Itoa(n))
		}, last: func(ctx context.Context, l *life) (int, error) {
			answer, err := l.api(ctx, "GET", r.value("same"), "", nil)
			if err != nil {
				return 0, err
			}
			return strconv.Atoi(string(answer))
		}},
		{name: "a key of KV deleted through the API", write: func(ctx context.Context, l *life, n int) error {
			if _, err := l.api(ctx, "PUT", r.value(fmt.Sprintf("d%d", n)), "text/plain", []byte("short")); err != nil {
				return err
			}
			_, err := l.api(ctx, "DELETE", r.value(fmt.Sprintf("d%d", n)), "", nil)
			return err
		}, all: func(ctx context.Context, l *life, written int) (map[int]bool, error) {
			left, err := r.keys(ctx, l, "d")
			gone := map[int]bool{}
			for n := 1; n <= written; n++ {
				gone[n] = !left[n]
			}
			return gone, err
		}},
		{name: "a small object of R2 from a Worker", all: objects("small-", small), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "PUT", "keeper", fmt.Sprintf("/r2?key=small-%d", n), small(n))
		}},
		{name: "a large object of R2 through the API", pace: 10 * time.Millisecond, all: objects("large-", large), write: func(ctx context.Context, l *life, n int) error {
			_, err := l.api(ctx, "PUT", fmt.Sprintf("{a}/r2/buckets/kept/objects/large-%d", n), "text/plain", []byte(large(n)))
			return err
		}},
		{name: "an object of R2 in parts", pace: 300 * time.Millisecond, all: objects("parts-", func(int) string { return strings.Repeat("x", 5<<20) + "end" }), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "PUT", "keeper", fmt.Sprintf("/r2/parts?key=parts-%d", n), "")
		}},
		{name: "a message sent from a Worker", pace: 5 * time.Millisecond, all: r.delivered("worker"), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "POST", "keeper", fmt.Sprintf("/queue?n=%d", n), "")
		}},
		{name: "a message sent through the API", pace: 5 * time.Millisecond, all: r.delivered("api"), write: func(ctx context.Context, l *life, n int) error {
			return l.do(ctx, "POST", "{a}/queues/"+r.queue+"/messages", map[string]any{"body": map[string]any{"sent": "api", "n": n}, "content_type": "json"}, nil)
		}},
		{name: "a number in a durable object", last: told("object"), write: func(ctx context.Context, l *life, n int) error {
			return kept(ctx, l, "PUT", "object", fmt.Sprintf("/?n=%d", n), "")
		}},
		{name: "a secret", pace: 50 * time.Millisecond, last: told("vault"), write: func(ctx context.Context, l *life, n int) error {
			return l.do(ctx, "PUT", "{a}/workers/scripts/vault/secrets", map[string]string{"name": "NUMBER", "type": "secret_text", "text": strconv.Itoa(n)}, nil)
		}},
		{name: "a deployed version", pace: 50 * time.Millisecond, last: told("turn"), write: func(ctx context.Context, l *life, n int) error {
			return l.deploy(ctx, "turn", turn(n), "")
		}},
		{name: "a namespace made through the API", pace: 20 * time.Millisecond, write: func(ctx context.Context, l *life, n int) error {
			return l.do(ctx, "POST", "{a}/storage/kv/namespaces", map[string]string{"title": fmt.Sprintf("made-%d", n)}, nil)
		}, all: made},
	}
}

// made are the numbers of the namespaces that were made as a promise.
func made(ctx context.Context, l *life, _ int) (map[int]bool, error) {
	there := map[int]bool{}
	for page := 1; ; page++ {
		var list []struct{ Title string }
		err := l.do(ctx, http.MethodGet, fmt.Sprintf("{a}/storage/kv/namespaces?per_page=100&page=%d", page), nil, &list)
		if err != nil {
			return nil, err
		}
		for _, namespace := range list {
			if n, err := strconv.Atoi(strings.TrimPrefix(namespace.Title, "made-")); err == nil {
				there[n] = true
			}
		}
		if len(list) < 100 {
			return there, nil
		}
	}
}

// account is what one promise was told and what it acknowledged, over all lives.
type account struct {
	promise
	written int           // numbers up to this one were said
	acked   map[int]bool  // those that were acknowledged
	latest  int           // the greatest of them
	begun   chan struct{} // closed at the first
}

func newAccount(p promise) *account {
	return &account{promise: p, acked: map[int]bool{}, begun: make(chan struct{})}
}

// work writes until ctx ends or a write fails, which is the error.
func (a *account) work(ctx context.Context, l *life) error {
	for ctx.Err() == nil {
		a.written++
		if err := a.write(ctx, l, a.written); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		if len(a.acked) == 0 {
			close(a.begun)
		}
		a.acked[a.written] = true
		a.latest = a.written
		select {
		case <-ctx.Done():
		case <-time.After(a.pace):
		}
	}
	return nil
}

// check compares what is there with what was acknowledged.
func (a *account) check(ctx context.Context, l *life) error {
	if a.last != nil {
		got, err := a.last(ctx, l)
		if err == nil && (got < a.latest || got > a.written) {
			err = fmt.Errorf("%d is there, %d was acknowledged and %d said", got, a.latest, a.written)
		}
		return a.because(err)
	}
	there, err := a.all(ctx, l, a.written)
	if err != nil {
		return a.because(err)
	}
	var wrong []error
	for n := range a.acked {
		if !there[n] {
			wrong = append(wrong, fmt.Errorf("%d was acknowledged and is lost", n))
		}
	}
	for n := range there {
		if n < 1 || n > a.written {
			wrong = append(wrong, fmt.Errorf("%d is there and was never said", n))
		}
	}
	return a.because(errors.Join(wrong...))
}

func (a *account) because(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", a.name, err)
}
