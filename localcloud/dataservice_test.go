package localcloud

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
)

// maxDataService is how many bytes a data service may have, compressed. What gzip -9 makes
// 2.0 MB is 1 % more here.
const maxDataService = 2_020_000

const dataServiceTables = `CREATE TABLE authors (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE);
CREATE TABLE books (id TEXT PRIMARY KEY, author_id INTEGER NOT NULL REFERENCES authors(id), title TEXT NOT NULL, price REAL, created_at TEXT NOT NULL, version INTEGER NOT NULL);`

func TestADataServiceRunsOnWorkers(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	var database struct{ UUID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "books"}), &database))
	r.do("POST", "/client/v4/accounts/{a}/d1/database/"+database.UUID+"/query", map[string]string{"sql": dataServiceTables})
	built := r.program("books", "testdata/dataservice", []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"type":"d1","name":"DB","id":%q}`, database.UUID))})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	t.Cleanup(client.CloseIdleConnections)
	send := func(method, path, body string, header ...string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, c.Info().Data+path, strings.NewReader(body))
		fatal(t, err)
		req.Host = "books.localhost"
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(req)
		if err != nil {
			t.Errorf("%s %s: %v", method, path, err)
			return 0, http.Header{}, ""
		}
		return res.StatusCode, res.Header, text(t, res)
	}
	demand := func(wantStatus int, want, method, path, body string, header ...string) http.Header {
		t.Helper()
		status, h, got := send(method, path, body, header...)
		if status != wantStatus || !strings.Contains(got, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", method, path, status, got, wantStatus, want)
		}
		return h
	}

	t.Run("it is small", func(t *testing.T) {
		for _, m := range built.Modules {
			if !strings.HasSuffix(m.Name, ".wasm") {
				continue
			}
			var b bytes.Buffer
			w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
			fatal(t, err)
			_, err = w.Write(m.Bytes)
			fatal(t, err)
			fatal(t, w.Close())
			t.Logf("%d bytes, %d compressed", len(m.Bytes), b.Len())
			if b.Len() > maxDataService {
				t.Errorf("a data service has %d bytes compressed, more than %d", b.Len(), maxDataService)
			}
		}
	})
	t.Run("rows are made, read, changed and deleted", func(t *testing.T) {
		h := demand(201, `{"success":true,"data":{"id":1,"email":"ann@example.com"}}`, "POST", "/authors", `{"email":"ann@example.com"}`)
		if h.Get("Location") != "/authors/1" || h.Get("X-D1-Bookmark") == "" {
			t.Errorf("%v", h)
		}
		demand(409, `"code":"UNIQUE_VIOLATION"`, "POST", "/authors", `{"email":"ann@example.com"}`)
		demand(409, "reference_violation", "POST", "/books", `{"author_id":7,"title":"x"}`)
		demand(422, `"errors":[{"field":"title","code":"REQUIRED_FIELD_MISSING","message":"Field 'title' is required"}]`, "POST", "/books", `{"author_id":1}`)
		demand(400, "invalid_json", "POST", "/books", `{`)
		demand(415, "unsupported_media_type", "POST", "/books", `x`, "Content-Type", "text/plain")
		demand(201, `"version":1`, "POST", "/books", `{"id":"one","author_id":1,"title":"One","price":9.5}`)
		demand(200, `"author":{"id":1,"email":"ann@example.com"}`, "GET", "/books/one?include=author", "")
		demand(200, `"books":[{"id":"one","author_id":1,"title":"One","price":9.5,`, "GET", "/authors?include=books", "")
		demand(304, "", "GET", "/books/one", "", "If-None-Match", `W/"1"`)
		demand(200, `"price":10,`, "PATCH", "/books/one", `{"price":10}`, "If-Match", `W/"1"`)
		demand(412, "precondition_failed", "PUT", "/books/one", `{"author_id":1,"title":"Two"}`, "If-Match", `W/"1"`)
		demand(204, "", "DELETE", "/books/one", "", "If-Match", `W/"2"`)
		demand(404, "not_found", "GET", "/books/one", "")
	})
	t.Run("pages go on by a cursor", func(t *testing.T) {
		rows := make([]string, 25)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"id":"b%02d","author_id":1,"title":"T"}`, i)
		}
		demand(201, "", "POST", "/books/bulk", "["+strings.Join(rows, ",")+"]")
		seen, next := 0, ""
		for page := 0; page < 4; page++ {
			_, _, body := send("GET", "/books?limit=10&sort=title&fields=id"+next, "")
			var p struct {
				Data       []struct{ ID string }
				Pagination struct{ Next *string }
			}
			fatal(t, json.Unmarshal([]byte(body), &p))
			for _, row := range p.Data {
				if want := fmt.Sprintf("b%02d", seen); row.ID != want {
					t.Errorf("%s, want %s", row.ID, want)
				}
				seen++
			}
			if p.Pagination.Next == nil {
				break
			}
			next = "&cursor=" + *p.Pagination.Next
			demand(400, "INVALID_CURSOR", "GET", "/books?limit=10&sort=title&cursor="+(*p.Pagination.Next)[:20], "")
		}
		if seen != 25 {
			t.Errorf("%d rows in the pages", seen)
		}
	})
	t.Run("a thousand requests at once, that read, make and change", func(t *testing.T) {
		demand(201, "", "POST", "/books", `{"id":"counted","author_id":1,"title":"T","price":0}`)
		var all sync.WaitGroup
		var changed atomic.Int64
		for i := range 1000 {
			all.Go(func() {
				switch i % 4 {
				case 0:
					demand(201, "", "POST", "/books", `{"author_id":1,"title":"T"}`)
				case 1:
					demand(200, `"success":true`, "GET", "/books?limit=5&include=author", "")
				case 2:
					demand(200, `"id":"counted"`, "GET", "/books/counted", "")
				default: // the version is the lock: who loses is told so
					status, h, body := send("GET", "/books/counted", "")
					if status != 200 {
						t.Errorf("%d %s", status, body)
						return
					}
					switch status, _, body := send("PATCH", "/books/counted", `{"title":"T"}`, "If-Match", h.Get("Etag")); status {
					case 200:
						changed.Add(1)
					case 412:
					default:
						t.Errorf("%d %s", status, body)
					}
				}
			})
		}
		all.Wait()
		demand(200, fmt.Sprintf(`"version":%d`, 1+changed.Load()), "GET", "/books/counted", "", "X-D1-Bookmark", "ffffffffffffffff-ffffffff")
		if changed.Load() == 0 {
			t.Error("nobody changed the row")
		}
	})
	t.Run("its document is served", func(t *testing.T) {
		demand(200, `"openapi":"3.1.0"`, "GET", "/openapi.json", "")
	})
}
