package runtime

import (
	"io"
	"net/http"
	"testing"
)

// request sends one request on a kept connection, as a load generator does.
func (c *cloud) request(b *testing.B, client *http.Client) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, c.server.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Host = "w.localhost"
	res, err := client.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		b.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != 200 {
		b.Fatalf("%v, status %d", err, res.StatusCode)
	}
}

func BenchmarkRequest(b *testing.B) {
	d1Code := func(sql string) string {
		return `export default { async fetch(request, env) { return Response.json((await env.DB.prepare("` + sql + `").bind(1).all()).results) } }`
	}
	for name, code := range map[string]string{
		"hello":    hello,
		"watched":  hello,
		"d1 read":  d1Code("SELECT * FROM t WHERE id = ?"),
		"d1 write": d1Code("INSERT INTO t(name) VALUES (?)"),
		"kv read":  `export default { async fetch(request, env) { return new Response(await env.KV.get("k")) } }`,
	} {
		b.Run(name, func(b *testing.B) {
			c := newCloudIn(b, b.TempDir(), func(o *Options) {
				if name == "watched" {
					o.Observer = &watcher{}
				}
			})
			if err := c.d1.Create("db"); err != nil {
				b.Fatal(err)
			}
			setUp := c.version(`export default { async fetch(request, env) { await env.DB.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT)"); await env.DB.exec("INSERT INTO t VALUES (1, 'ann')"); await env.KV.put("k", "v"); return new Response() } }`,
				`{"type":"d1","name":"DB","id":"db"}`, `{"type":"kv_namespace","name":"KV","namespace_id":"n"}`)
			v := c.version(code)
			v.Bindings = setUp.Bindings
			c.apply(worker("setup", setUp), worker("w", v))
			c.want("http://setup.localhost/", 200, "")
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.request(b, client)
				}
			})
		})
	}
}

func BenchmarkBootToFirstResponse(b *testing.B) {
	for b.Loop() {
		c := newCloud(b)
		c.apply(worker("w", c.version(hello)))
		c.want("http://w.localhost/", 200, "hello http://w.localhost/")
		b.StopTimer()
		c.stop()
		b.StartTimer()
	}
}

func BenchmarkReload(b *testing.B) {
	c := newCloud(b)
	for b.Loop() {
		c.apply(worker("w", c.version(hello)))
		c.want("http://w.localhost/", 200, "hello http://w.localhost/")
	}
}

func BenchmarkCheck(b *testing.B) {
	c := newCloud(b)
	v := c.version(hello)
	for b.Loop() {
		if _, err := c.Check(b.Context(), "acc", "w", v, nil); err != nil {
			b.Fatal(err)
		}
	}
}
