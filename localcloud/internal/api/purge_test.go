package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// keeps puts an answer into the cache of the account and asks for it.
func (c *client) keeps(url, tag string) {
	r := httptest.NewRequest(http.MethodPut, url, strings.NewReader("HTTP/1.1 200 OK\r\nCache-Tag: "+tag+"\r\n\r\n"))
	c.caches.Binding(httptest.NewRecorder(), r, account)
}

// kept are those of the URLs whose answers the cache has.
func (c *client) kept(urls []string) (all []string) {
	for _, url := range urls {
		w := httptest.NewRecorder()
		if c.caches.Binding(w, httptest.NewRequest(http.MethodGet, url, nil), account); w.Code == http.StatusOK {
			all = append(all, url)
		}
	}
	return all
}

func TestAZonesCacheIsPurged(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	urls := []string{"https://shop.example/a", "https://shop.example/b/c", "https://www.shop.example/a", "https://other.example/a"}
	for name, test := range map[string]struct {
		body j
		want []string
	}{
		"by URL":            {j{"files": []any{urls[0], j{"url": urls[3][:8] + "shop.example/none", "headers": j{"CF-Device-Type": "mobile"}}}}, urls[1:]},
		"by URL and header": {j{"files": []any{j{"url": urls[1], "headers": j{"Accept-Language": "de"}}}}, []string{urls[0], urls[2], urls[3]}},
		"by hostname":       {j{"hosts": []string{"www.shop.example"}}, []string{urls[0], urls[1], urls[3]}},
		"by prefix":         {j{"prefixes": []string{"shop.example/b"}}, []string{urls[0], urls[2], urls[3]}},
		"by tag":            {j{"tags": []string{"T2", "t9"}}, []string{urls[0], urls[1], urls[3]}},
		"altogether":        {j{"purge_everything": true}, urls[3:]},
	} {
		for i, url := range urls {
			c.keeps(url, fmt.Sprint("t", i))
		}
		var got struct{ ID string }
		c.call("POST", "/Z/purge_cache", test.body).ok(&got)
		if kept := c.kept(urls); got.ID != zoneID || !slices.Equal(kept, test.want) {
			t.Errorf("%s: %+v, kept %q, want %q", name, got, kept, test.want)
		}
	}
}

func TestAPurgeThatIsRefusedPurgesNothing(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	urls := []string{"https://shop.example/a"}
	c.keeps(urls[0], "t")
	for name, test := range map[string]struct {
		body any
		code int
	}{
		"nothing":                            {j{}, 1012},
		"not everything":                     {j{"purge_everything": false}, 1012},
		"everything, in words":               {j{"purge_everything": "yes"}, 1012},
		"empty lists":                        {j{"files": []string{}, "tags": nil}, 1012},
		"a list that is none":                {j{"tags": "t"}, 1014},
		"a list of numbers":                  {j{"hosts": []int{1}}, 1014},
		"a file that is none":                {j{"files": []any{1}}, 1014},
		"a file without a URL":               {j{"files": []any{urls[0], j{}}}, 1016},
		"101 tags":                           {j{"tags": slices.Repeat([]string{"t"}, 101)}, 1014},
		"a URL of another zone":              {j{"files": []string{urls[0], "https://other.example/a"}}, 1016},
		"a URL of a name that ends the same": {j{"files": []string{urls[0], "https://myshop.example/a"}}, 1016},
		"a URL without a scheme":             {j{"files": []string{"shop.example/a"}}, 1016},
		"a hostname of another zone":         {j{"hosts": []string{"shop.example", "other.example"}}, 1016},
		"a prefix with a scheme":             {j{"prefixes": []string{"https://shop.example/a"}}, 1016},
		"a prefix with a query":              {j{"prefixes": []string{"shop.example/a?b"}}, 1016},
		"a prefix of another zone":           {j{"prefixes": []string{"other.example/a"}}, 1016},
		"no object":                          {[]string{}, 10026},
	} {
		if got := c.call("POST", "/Z/purge_cache", test.body); got.status != 400 || len(got.Errors) != 1 || got.Errors[0].Code != test.code {
			t.Errorf("%s: %d %s, want code %d", name, got.status, got.body, test.code)
		}
		if kept := c.kept(urls); len(kept) != 1 {
			t.Fatalf("%s: it was purged", name)
		}
	}
	if got := c.as(limited).call("POST", "/Z/purge_cache", j{"purge_everything": true}); got.status != 403 {
		t.Errorf("with a token for D1: %d %s", got.status, got.body)
	}
}
