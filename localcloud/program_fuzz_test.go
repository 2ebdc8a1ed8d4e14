package localcloud

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tamylaa/clodo/internal/host"
)

// FuzzProgram sends the bindings of a program whatever it may say: an answer, no panic,
// and no hang.
func FuzzProgram(f *testing.F) {
	f.Add("d1", "DB", "POST", "/query?resultsFormat=ROWS_AND_COLUMNS", `{"sql":"SELECT ?","params":[1]}`, "", "")
	f.Add("d1", "DB", "POST", "/execute", `[{"sql":"CREATE TABLE t(a)"}]`, "X-Cf-D1-Session-Commit-Token", "first-primary")
	f.Add("kv", "KV", "PUT", "/a%2Fb?expiration_ttl=60", "value", "Cf-Kv-Metadata", `{"a":1}`)
	f.Add("kv", "KV", "POST", "/bulk/get", `{"keys":["a"],"type":"text"}`, "", "")
	f.Add("r2", "BUCKET", "GET", "/", "", "Cf-R2-Request", `{"version":1,"method":"get","object":"a","range":{"offset":1}}`)
	f.Add("r2", "BUCKET", "PUT", "/", `{"version":1,"method":"put","object":"a"}hello`, "Cf-R2-Metadata-Size", "41")
	f.Add("queue", "QUEUE", "POST", "/batch", `{"messages":[{"body":"YQ==","contentType":"text"}]}`, "X-Msg-Delay-Secs", "1")
	f.Add("ratelimit", "LIMIT", "POST", "/limit", `{"key":"a"}`, "", "")
	f.Add("email", "STRICT", "POST", "/draft", `{"from":{"email":"only@example.com"},"to":["ada@example.com"],"subject":"s","text":"t"}`, "", "")
	f.Add("email", "MAIL", "POST", "/raw?from=a@example.com&to=b@example.com", "Message-ID: <1@a>\r\n\r\nx", "", "")
	f.Add("vectorize", "VECTORS", "POST", "/query", `{"vector":[1,0,0],"topK":1}`, "", "")
	f.Add("analytics", "POINTS", "POST", "/write", `[{"indexes":["a"],"blobs":["b"],"doubles":[1]}]`, "", "")
	f.Add("ai", "AI", "POST", "/run", `{"inputs":{}}`, "Cf-Consn-Model-Id", "@cf/a")
	f.Add("service", "PEER", "POST", "/echo", "body", "Clodo-Url", "https://peer/echo")
	f.Add("cache", "", "PUT", "/", "body", "Clodo-Status", "200")
	f.Add("version", "VERSION", "POST", "/read", "null", "", "")
	f.Add("durable", "ROOMS", "GET", "/", "", "", "")
	f.Add("secret", "SECRET", "POST", "/get", "", "", "")
	f.Add("", "", "", "", "", "", "")
	d, err := OpenData(DataOptions{Dir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() }) // nothing is read any more
	bindings, err := d.Bindings(context.Background(), Program{
		Script: "fuzz", Bindings: contractBindings("db", "kv"), Service: peerOf,
	})
	if err != nil {
		f.Fatal(err)
	}
	if err := d.CreateIndex(context.Background(), "contract", 3, "cosine"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, name, method, target, body, header, value string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r := (&http.Request{Method: method, URL: u, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}).WithContext(ctx)
		r.Header.Set(header, value)
		r.Header.Set(host.KindHeader, kind)
		r.Header.Set(host.BindingHeader, name)
		res, err := bindings.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil && ctx.Err() != nil {
			t.Fatal(err)
		}
	})
}
