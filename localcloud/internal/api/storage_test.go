package api_test

import (
	"encoding/base64"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestDatabasesAreMadeAndQueried(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var d struct {
		UUID      string
		NumTables int `json:"num_tables"`
	}
	c.call("POST", "/A/d1/database", j{"name": "orders", "primary_location_hint": "weur"}).ok(&d)
	c.call("POST", "/A/d1/database", j{"name": "orders"}).refused(400, 7502)
	c.call("POST", "/A/d1/database", j{"name": "no name"}).refused(400, 7400)
	at := "/A/d1/database/" + d.UUID
	var results []struct{ Results []map[string]any }
	c.call("POST", at+"/query", j{"sql": "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO t(name) VALUES('a'); SELECT * FROM t"}).ok(&results)
	if len(results) != 3 || results[2].Results[0]["name"] != "a" {
		t.Errorf("results: %+v", results)
	}
	c.call("POST", at+"/query", j{"sql": "SELECT ? AS x", "params": []any{"p"}}).ok(&results)
	c.call("POST", at+"/query", j{"batch": []j{{"sql": "SELECT 1"}, {"sql": "SELECT 2"}}}).ok(&results)
	if len(results) != 2 {
		t.Errorf("a batch gave %d results", len(results))
	}
	var raw []struct {
		Results struct {
			Columns []string
			Rows    [][]any
		}
	}
	c.call("POST", at+"/raw", j{"sql": "SELECT id, name, NULL AS n FROM t"}).ok(&raw)
	if !slices.Equal(raw[0].Results.Columns, []string{"id", "name", "n"}) || len(raw[0].Results.Rows) != 1 {
		t.Errorf("raw: %+v", raw)
	}
	if a := c.call("POST", at+"/query", j{"sql": "SELECT * FROM nobody"}).refused(400, 7500); !strings.Contains(a.Errors[0].Message, "no such table: nobody") {
		t.Errorf("the refusal says %q", a.Errors[0].Message)
	}
	c.call("POST", at+"/query", j{}).refused(400, 7400)
	c.call("GET", "/A/d1/database/orders", nil).ok(&d)
	if d.NumTables != 1 {
		t.Errorf("the database has %d tables", d.NumTables)
	}
	c.call("PATCH", at, j{"read_replication": j{"mode": "auto"}}).ok(nil)
	c.call("PATCH", at, j{"read_replication": j{"mode": "much"}}).refused(400, 7400)
	c.call("PUT", at, j{"read_replication": j{"mode": "disabled"}}).ok(nil)
	c.call("GET", "/A/d1/database?name=orders", nil).ok(nil)
	c.call("DELETE", at, nil).ok(nil)
	c.call("GET", at, nil).refused(404, 7404)
	c.call("POST", at+"/query", j{"sql": "SELECT 1"}).refused(404, 7404)
}

func TestNamespacesHoldKeys(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var n struct{ ID, Title string }
	c.call("POST", "/A/storage/kv/namespaces", j{"title": "cache"}).ok(&n)
	c.call("POST", "/A/storage/kv/namespaces", j{"title": "cache"}).refused(400, 10014)
	c.call("POST", "/A/storage/kv/namespaces", j{"title": ""}).refused(400, 10019)
	at := "/A/storage/kv/namespaces/" + n.ID
	c.call("PUT", at, j{"title": "renamed"}).ok(&n)
	c.call("GET", at, nil).ok(&n)
	if n.Title != "renamed" {
		t.Errorf("the title is %q", n.Title)
	}
	key := "a/b c"
	value := at + "/values/" + url.PathEscape(key)
	c.call("PUT", value, []byte("plain")).ok(nil)
	if a := c.call("GET", value, nil); string(a.body) != "plain" {
		t.Errorf("the value is %q", a.body)
	}
	f := &form{}
	f.w = multipart.NewWriter(&f.buf)
	f.part("value", "", "", "with")
	f.part("metadata", "", "", `{"m":1}`)
	c.call("PUT", at+"/values/m?expiration_ttl=100", f).ok(nil)
	if a := c.call("GET", at+"/values/m", nil); string(a.body) != "with" || a.header.Get("expiration") == "" {
		t.Errorf("the value is %q, its headers %v", a.body, a.header)
	}
	if a := c.call("GET", at+"/metadata/m", nil).ok(nil); string(a.Result) != `{"m":1}` {
		t.Errorf("the metadata is %s", a.Result)
	}
	c.call("PUT", at+"/values/m?expiration_ttl=1", []byte("x")).refused(400, 10033)
	c.call("PUT", at+"/values/"+strings.Repeat("k", 513), []byte("x")).refused(414, 10033)
	c.call("GET", at+"/values/none", nil).refused(404, 10009)
	var bulk struct {
		Count int `json:"successful_key_count"`
	}
	c.call("PUT", at+"/bulk", []j{{"key": "x1", "value": "1"}, {"key": "x2", "value": base64.StdEncoding.EncodeToString([]byte{1}), "base64": true, "metadata": j{"a": 1}}}).ok(&bulk)
	if bulk.Count != 2 {
		t.Errorf("bulk wrote %d", bulk.Count)
	}
	c.call("PUT", at+"/bulk", []j{{"key": "", "value": "1"}}).refused(400, 10033)
	c.call("PUT", at+"/bulk", []j{{"key": "x3", "value": "1"}, {"key": "x4"}}).refused(400, 10033)
	c.call("GET", at+"/values/x3", nil).refused(404, 10009)
	var keys []struct{ Name string }
	a := c.call("GET", at+"/keys?prefix=x&limit=10", nil).ok(&keys)
	if len(keys) != 2 || a.Info["cursor"] != "" {
		t.Errorf("keys: %s", a.body)
	}
	var values struct{ Values map[string]json.RawMessage }
	c.call("POST", at+"/bulk/get", j{"keys": []string{"x1"}}).ok(&values)
	if string(values.Values["x1"]) != `"1"` {
		t.Errorf("values: %v", values)
	}
	c.call("POST", at+"/bulk/get", j{"keys": []string{"m"}, "withMetadata": true}).ok(&values)
	c.call("POST", at+"/bulk/get", j{"keys": []string{}}).refused(400, 10033)
	c.call("POST", at+"/bulk/delete", []string{"x1"}).ok(nil)
	c.call("DELETE", at+"/bulk", []string{"x2"}).ok(nil) // the older way
	c.call("DELETE", value, nil).ok(nil)
	c.call("GET", value, nil).refused(404, 10009)
	c.call("DELETE", at, nil).ok(nil)
	c.call("GET", at+"/keys", nil).refused(404, 10013)
	c.call("GET", "/A/storage/kv/namespaces?page=1&per_page=100", nil).ok(nil)
}

func TestAssetsAreUploadedOnce(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	page, style := strings.Repeat("a", 32), strings.Repeat("b", 32)
	manifest := j{"/index.html": j{"hash": page, "size": 4}, "/style.css": j{"hash": style, "size": 4}}
	var session struct {
		JWT     string
		Buckets [][]string
	}
	c.call("POST", "/S/assets-upload-session", j{"manifest": manifest}).ok(&session)
	if len(session.Buckets) != 1 || !slices.Equal(session.Buckets[0], []string{page, style}) {
		t.Fatalf("buckets are %v", session.Buckets)
	}
	send := func(jwt, hash, content string) answer {
		t.Helper()
		f := &form{}
		f.w = multipart.NewWriter(&f.buf)
		f.part(hash, hash, "text/html", base64.StdEncoding.EncodeToString([]byte(content)))
		return c.as(jwt).call("POST", "/A/workers/assets/upload?base64=true", f)
	}
	send(token, page, "page").refused(401, 10000)
	send(session.JWT, strings.Repeat("c", 32), "page").refused(400, 10304)
	send(session.JWT, page, "longer").refused(400, 10304)
	if a := send(session.JWT, page, "page").ok(nil); a.status != 202 {
		t.Errorf("half of the files answered %d", a.status)
	}
	withAssets := func(jwt string) *form {
		return upload(meta(j{"assets": j{"jwt": jwt, "config": j{"html_handling": "none"}}, "bindings": []j{{"name": "ASSETS", "type": "assets"}}}), "index.js", hello)
	}
	c.call("PUT", "/S", withAssets(session.JWT)).refused(400, 10305)
	var done struct{ JWT string }
	if a := send(session.JWT, style, "css!").ok(&done); a.status != 201 {
		t.Errorf("the last file answered %d", a.status)
	}
	c.call("PUT", "/S", withAssets(done.JWT)).ok(nil)
	w, _ := c.stage.worker("web")
	if files := w.Versions[0].Version.Assets.Files; len(files) != 2 || files["/index.html"].ContentType != "text/html" {
		t.Errorf("served assets are %+v", files)
	}
	// The same files again: nothing to send, and the session's token completes.
	c.call("POST", "/S/assets-upload-session", j{"manifest": manifest}).ok(&session)
	if len(session.Buckets) != 0 {
		t.Errorf("buckets are %v", session.Buckets)
	}
	c.call("POST", "/S/versions", withAssets(session.JWT)).ok(nil)
	c.call("PUT", "/S", upload(meta(j{"keep_assets": true}), "index.js", hello)).ok(nil)
	if w, _ := c.stage.worker("web"); w.Versions[0].Version.Assets == nil {
		t.Error("kept assets are gone")
	}
	// A Worker of assets alone has no module.
	c.call("PUT", "/A/workers/scripts/static", upload(j{"assets": j{"jwt": session.JWT}, "compatibility_date": "2026-01-01"})).ok(nil)
	for name, bad := range map[string]j{
		"a path without its slash":  {"x": j{"hash": page, "size": 1}},
		"a path that climbs":        {"/../x": j{"hash": page, "size": 1}},
		"a hash that is none":       {"/x": j{"hash": "zz", "size": 1}},
		"a file that is too large":  {"/x": j{"hash": page, "size": 26 << 20}},
		"a file of a negative size": {"/x": j{"hash": page, "size": -1}},
	} {
		t.Run(name, func(t *testing.T) {
			c.call("POST", "/S/assets-upload-session", j{"manifest": bad}).refused(400, 10304)
		})
	}
}
