package api_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// database makes a database and gives its path.
func (c *client) database(name string) string {
	c.t.Helper()
	var d struct{ UUID string }
	c.call("POST", "/A/d1/database", j{"name": name}).ok(&d)
	return "/A/d1/database/" + d.UUID
}

// names are the names in the table t of a database.
func (c *client) names(at string) (names []string) {
	c.t.Helper()
	var results []struct{ Results []struct{ Name string } }
	c.call("POST", at+"/query", j{"sql": "SELECT name FROM t ORDER BY name"}).ok(&results)
	for _, r := range results[0].Results {
		names = append(names, r.Name)
	}
	return names
}

func (c *client) query(at, sql string) {
	c.t.Helper()
	c.call("POST", at+"/query", j{"sql": sql}).ok(nil)
}

func TestADatabaseThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, body := range []j{
		{"name": "", "primary_location_hint": "weur"},
		{"name": "a b"},
		{"name": "a", "primary_location_hint": "mars"},
		{"name": "a", "jurisdiction": "de"},
		{"name": "a", "read_replication": j{"mode": "on"}},
	} {
		c.call("POST", "/A/d1/database", body).refused(400, 7400)
	}
	c.call("POST", "/A/d1/database", j{"name": "a", "primary_location_hint": "weur", "jurisdiction": "eu", "read_replication": j{"mode": "auto"}}).ok(nil)
	var all []j
	if c.call("GET", "/A/d1/database", nil).ok(&all); len(all) != 1 {
		t.Errorf("there are %v", all)
	}
}

func TestAQueryThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.database("orders")
	for body, want := range map[string]string{
		`{"sql":"SELECT 1 FROM none"}`:              `[{"code":7500,"message":"no such table: none: SQLITE_ERROR"}] []`,
		`{"sql":1}`:                                 `[{"code":7400,"message":"The request is malformed: The request body is not the JSON that was expected: \"sql\" is a number, not a string."}] null`,
		`{"batch":[{"sql":"SELECT 1"},{"sql":[]}]}`: `[{"code":7400,"message":"The request is malformed: The request body is not the JSON that was expected: \"batch.sql\" is an array, not a string."}] null`,
		`{"sql":""}`:                                "[{\"code\":7400,\"message\":\"The request is malformed: it needs either `sql` or a `batch`.\"}] null",
		`{"sql":"SELECT ?","params":["a","b"]}`:     `[{"code":7500,"message":"Wrong number of parameter bindings for SQL query."}] []`,
	} {
		for _, kind := range []string{"/query", "/raw"} {
			var got struct{ Errors, Result json.RawMessage }
			if err := json.Unmarshal(c.call("POST", at+kind, json.RawMessage(body)).body, &got); err != nil {
				t.Fatal(err)
			}
			if text := string(got.Errors) + " " + string(got.Result); text != want {
				t.Errorf("%s of %s: %s, want %s", kind, body, text, want)
			}
		}
	}
}

func TestADatabaseTravelsInTime(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.database("orders")
	var here, there struct {
		Bookmark, Message string
		Previous          string `json:"previous_bookmark"`
	}
	c.query(at, "CREATE TABLE t(name); INSERT INTO t VALUES ('first')")
	c.call("GET", at+"/time_travel/bookmark", nil).ok(&here)
	moment := c.clock.Now()
	check(t, c.clock.Advance(time.Hour))
	c.query(at, "INSERT INTO t VALUES ('second')")
	for name, where := range map[string]string{
		"a bookmark": "bookmark=" + here.Bookmark,
		"a time":     "timestamp=" + moment.Add(time.Minute).Format("2006-01-02T15:04:05.000Z"),
	} {
		c.call("POST", at+"/time_travel/restore?"+where, nil).ok(&there)
		if diff := cmp.Diff([]string{"first"}, c.names(at)); diff != "" {
			t.Errorf("restored to %s (-want +got):\n%s", name, diff)
		}
		if there.Bookmark <= there.Previous || there.Message == "" {
			t.Errorf("restored to %s: %+v", name, there)
		}
		c.call("POST", at+"/time_travel/restore?bookmark="+there.Previous, nil).ok(nil)
		if diff := cmp.Diff([]string{"first", "second"}, c.names(at)); diff != "" {
			t.Errorf("undone (-want +got):\n%s", diff)
		}
	}
	for name, where := range map[string]string{
		"neither":               "",
		"both":                  "bookmark=" + here.Bookmark + "&timestamp=2026-01-01T00:00:00Z",
		"no bookmark":           "bookmark=yesterday",
		"no time":               "timestamp=yesterday",
		"the future":            "timestamp=2999-01-01T00:00:00Z",
		"before the database":   "timestamp=" + moment.Add(-time.Hour).Format("2006-01-02T15:04Z"),
		"long before":           "timestamp=2001-01-01",
		"of another database":   "bookmark=00000000-00000001-00000000-" + strings.Repeat("0", 32),
		"no bookmark but bytes": "bookmark=%00%ff",
	} {
		if a := c.call("POST", at+"/time_travel/restore?"+where, nil).refused(400, 7400); a.Errors[0].Message == "" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	for range 6 { // with the four above
		c.call("POST", at+"/time_travel/restore?bookmark="+here.Bookmark, nil).ok(nil)
	}
	c.call("POST", at+"/time_travel/restore?bookmark="+here.Bookmark, nil).refused(429, 7400)
	c.call("GET", "/A/d1/database/nobody/time_travel/bookmark", nil).refused(404, 7404)
	c.as(limited).call("GET", at+"/time_travel/bookmark", nil).ok(nil)
}

// transfer is the result of a call about an import or an export.
type transfer struct {
	Success                 bool
	Status, Error, Filename string
	UploadURL               string `json:"upload_url"`
	Bookmark                string `json:"at_bookmark"`
	Result                  struct {
		Queries   int    `json:"num_queries"`
		Final     string `json:"final_bookmark"`
		Filename  string
		SignedURL string `json:"signed_url"`
		Meta      struct{ Changes int }
	}
}

// bring imports a script as wrangler does.
func (c *client) bring(at, script string) (result transfer) {
	c.t.Helper()
	sum := md5.Sum([]byte(script))
	etag := hex.EncodeToString(sum[:])
	var ready transfer
	c.call("POST", at+"/import", j{"action": "init", "etag": etag}).ok(&ready)
	up := c.call("PUT", strings.TrimPrefix(ready.UploadURL, c.url), []byte(script))
	if up.status != 200 || up.header.Get("ETag") != `"`+etag+`"` {
		c.t.Fatalf("the upload answered %d %s", up.status, up.body)
	}
	c.call("POST", at+"/import", j{"action": "ingest", "etag": etag, "filename": ready.Filename}).ok(&result)
	for result.Status == "active" {
		c.call("POST", at+"/import", j{"action": "poll", "current_bookmark": result.Bookmark}).ok(&result)
	}
	return result
}

func TestADatabaseIsImportedAndExported(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	from, to := c.database("from"), c.database("to")
	done := c.bring(from, "CREATE TABLE t(name); INSERT INTO t VALUES ('a;'), ('b');")
	if done.Status != "complete" || done.Result.Queries != 2 || done.Result.Meta.Changes != 2 || done.Result.Final <= done.Bookmark {
		t.Errorf("the import answered %+v", done)
	}
	if failed := c.bring(from, "DELETE FROM t; nonsense"); failed.Success || failed.Status != "error" || !strings.Contains(failed.Error, "syntax error") {
		t.Errorf("an import with a mistake answered %+v", failed)
	}
	var out transfer
	c.call("POST", from+"/export", j{"output_format": "polling", "dump_options": j{"no_schema": false, "tables": []string{}}}).ok(&out)
	for out.Status == "active" {
		c.call("POST", from+"/export", j{"output_format": "polling", "current_bookmark": out.Bookmark}).ok(&out)
	}
	file := c.as("").call("GET", strings.TrimPrefix(out.Result.SignedURL, c.url), nil)
	if file.status != 200 || !strings.Contains(file.header.Get("Content-Disposition"), out.Result.Filename) {
		t.Fatalf("the download answered %d %v", file.status, file.header)
	}
	c.bring(to, string(file.body))
	if diff := cmp.Diff([]string{"a;", "b"}, c.names(to)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.query(from, "CREATE VIRTUAL TABLE words USING fts5(word)")
	c.call("POST", from+"/export", j{"output_format": "polling"}).ok(&out)
	if out.Success || out.Status != "error" || !strings.Contains(out.Error, "Virtual Tables") {
		t.Errorf("an export of a virtual table answered %+v", out)
	}
	if a := c.call("GET", strings.TrimPrefix(file.what, "GET "), nil); a.status != 403 {
		t.Errorf("an export that was replaced answered %d", a.status)
	}
}

func TestATransferThatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	at := c.database("orders")
	etag := strings.Repeat("a", 32)
	for name, body := range map[string]any{
		"no action":              j{"etag": etag},
		"another action":         j{"action": "go", "etag": etag},
		"an etag of another sum": j{"action": "init", "etag": "x"},
		"a path as etag":         j{"action": "init", "etag": "../../../../etc/passwd"},
		"a file that is not up":  j{"action": "ingest", "etag": etag, "filename": "x"},
	} {
		if a := c.call("POST", at+"/import", body).refused(400, 7400); a.Errors[0].Message == "" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	c.call("POST", at+"/import", []string{"?"}).refused(400, 10026)
	c.call("POST", at+"/export", j{"output_format": "file"}).refused(400, 7400)
	c.call("POST", at+"/export", "?").refused(400, 10026)
	var got transfer
	for _, kind := range []string{"import", "export"} {
		c.call("POST", at+"/"+kind, j{"action": "poll", "output_format": "polling", "current_bookmark": "x"}).ok(&got)
		if got.Success || got.Error != "Not currently "+kind+"ing anything." {
			t.Errorf("%+v", got)
		}
	}
	c.call("POST", at+"/import", j{"action": "init", "etag": etag}).ok(&got)
	url := strings.TrimPrefix(got.UploadURL, c.url)
	if a := c.call("PUT", url, []byte("another file")); a.status != 400 {
		t.Errorf("a file with another sum answered %d", a.status)
	}
	if a := c.call("GET", strings.Replace(url, "uploads", "exports", 1), nil); a.status != 403 {
		t.Errorf("a download with the token of an upload answered %d", a.status)
	}
	if a := c.call("PUT", "/local/d1/uploads/x", []byte("file")); a.status != 403 {
		t.Errorf("an upload with a token that is none answered %d", a.status)
	}
	check(t, c.clock.Advance(2*time.Hour))
	if a := c.call("PUT", url, []byte("file")); a.status != 403 {
		t.Errorf("an upload after two hours answered %d", a.status)
	}
}
