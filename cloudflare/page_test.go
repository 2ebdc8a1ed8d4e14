package cloudflare_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tamylaa/clodo/cloudflare"
)

// lister answers lists the way some server would, from items 0 … total-1.
type lister struct {
	total   int
	most    int  // items in a page, whatever was asked for
	count   bool // tells total_count
	pages   bool // tells total_pages
	perPage bool // tells per_page
	silent  bool // no result_info at all
	sent    int
}

func (l *lister) RoundTrip(req *http.Request) (*http.Response, error) {
	l.sent++
	q := req.URL.Query()
	page, size := 1, l.most
	if n, err := strconv.Atoi(q.Get("page")); err == nil {
		page = n
	}
	if n, err := strconv.Atoi(q.Get("per_page")); err == nil {
		size = min(size, n)
	}
	items := []map[string]any{}
	for i := (page - 1) * size; i < min(page*size, l.total); i++ {
		items = append(items, map[string]any{"id": strconv.Itoa(i)})
	}
	info := map[string]any{"page": page, "count": strconv.Itoa(len(items))} // audit gives text
	if l.count {
		info["total_count"] = l.total
	}
	if l.pages {
		info["total_pages"] = (l.total + size - 1) / size
	}
	if l.perPage {
		info["per_page"] = size
	}
	body := map[string]any{"success": true, "result": items, "result_info": info}
	if l.silent {
		delete(body, "result_info")
	}
	return respond(req, body)
}

func respond(req *http.Request, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(b))), Request: req}, err
}

func TestListsThatCountPagesAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := &lister{
			total: rapid.IntRange(0, 170).Draw(rt, "total"), most: rapid.SampledFrom([]int{50, 20, 7}).Draw(rt, "most"),
			count: rapid.Bool().Draw(rt, "count"), pages: rapid.Bool().Draw(rt, "pages"), perPage: true,
		}
		if l.most == 50 { // only a server that gives what it is asked for may keep quiet
			l.perPage = rapid.Bool().Draw(rt, "per_page")
			l.silent = rapid.Bool().Draw(rt, "silent")
		}
		all, err := cloudflare.Collect(client(t, l, cloudflare.Options{}).Zones(t.Context(), cloudflare.ZoneFilter{}))
		if err != nil {
			rt.Fatal(err)
		}
		for i, z := range all {
			if z.ID != strconv.Itoa(i) {
				rt.Fatalf("item %d is %s", i, z.ID)
			}
		}
		if len(all) != l.total {
			rt.Fatalf("%d items, want %d", len(all), l.total)
		}
		if most := l.total/l.most + 1; l.sent > most {
			rt.Fatalf("%d requests for %d items in pages of %d", l.sent, l.total, l.most)
		}
	})
}

func TestALiarAboutItsTotalDoesNotKeepTheClientForEver(t *testing.T) {
	t.Parallel()
	calls := 0
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		calls++
		result := []any{}
		if calls == 1 {
			result = append(result, map[string]any{"id": "a"})
		}
		return respond(req, map[string]any{"success": true, "result": result, "result_info": map[string]any{"total_count": 1 << 40}})
	}), cloudflare.Options{})
	all, err := cloudflare.Collect(c.Zones(t.Context(), cloudflare.ZoneFilter{}))
	if err != nil || len(all) != 1 || calls != 2 {
		t.Errorf("%d items after %d calls, error %v; want 1 after 2", len(all), calls, err)
	}
}

func TestListsWithCursorsAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		cursors []string // what each answer says
		want    []string // cursors that are sent
	}{
		{"one page without a cursor", []string{""}, []string{""}},
		{"until the cursor is empty", []string{"a", "b", ""}, []string{"", "a", "b"}},
		{"a cursor that repeats itself is the end", []string{"a", "a"}, []string{"", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
				cursor := tt.cursors[len(got)]
				got = append(got, req.URL.Query().Get("cursor"))
				return respond(req, map[string]any{"success": true, "result": []any{map[string]any{"name": fmt.Sprint(len(got))}}, "result_info": map[string]any{"cursor": cursor}})
			}), cloudflare.Options{})
			keys, err := cloudflare.Collect(c.Keys(t.Context(), acc, "n", ""))
			if err != nil || len(keys) != len(tt.want) {
				t.Errorf("%d keys, error %v; want %d", len(keys), err, len(tt.want))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("cursors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAListCanBeLeftEarly(t *testing.T) {
	t.Parallel()
	l := &lister{total: 1000, most: 50, count: true}
	for z := range client(t, l, cloudflare.Options{}).Zones(t.Context(), cloudflare.ZoneFilter{}) {
		if z.ID == "60" {
			break
		}
	}
	if l.sent != 2 {
		t.Errorf("%d pages were read, want 2", l.sent)
	}
}

func TestCollectGivesWhatCameBeforeAnError(t *testing.T) {
	t.Parallel()
	calls := 0
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		if calls++; calls == 2 {
			return &http.Response{StatusCode: 403, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(refusal(10000)))}, nil
		}
		return respond(req, map[string]any{"success": true, "result": []any{map[string]any{"id": "a"}}, "result_info": map[string]any{"total_count": 100}})
	}), cloudflare.Options{})
	all, err := cloudflare.Collect(c.Zones(t.Context(), cloudflare.ZoneFilter{}))
	if !cloudflare.IsPermission(err) || len(all) != 1 {
		t.Errorf("%d items, error %v; want 1 and the refusal", len(all), err)
	}
}

func TestManyPairsAreSentInSeveralCalls(t *testing.T) {
	t.Parallel()
	var sizes []int
	c := client(t, roundTrip(func(req *http.Request) (*http.Response, error) {
		var keys []string
		if err := json.NewDecoder(req.Body).Decode(&keys); err != nil {
			return nil, err
		}
		sizes = append(sizes, len(keys))
		return respond(req, map[string]any{"success": true, "result": map[string]any{"unsuccessful_keys": []string{keys[0]}}})
	}), cloudflare.Options{})
	keys := make([]string, 10_001)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	bad, err := c.DeleteKeys(t.Context(), acc, "n", keys)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{10_000, 1}, sizes); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0", "10000"}, bad); diff != "" {
		t.Errorf("unsuccessful (-want +got):\n%s", diff)
	}
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
