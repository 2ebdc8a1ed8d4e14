package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestWhoAsks(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	tests := map[string]struct {
		token, method, path string
		status, code        int
	}{
		"no token at all":                             {"", "GET", "/accounts", 400, 9106},
		"a token of nobody":                           {"clodo_local_unknown", "GET", "/accounts", 403, 9109},
		"a token of nobody is verified":               {"clodo_local_unknown", "GET", "/user/tokens/verify", 401, 1000},
		"a token that looks like a real one":          {strings.Repeat("x", 40), "GET", "/accounts", 403, 9109},
		"a header with spaces":                        {"a b", "GET", "/accounts", 400, 6003},
		"a permission that the token lacks":           {limited, "GET", "/A/workers/scripts", 403, 10000},
		"a permission that the token has":             {limited, "GET", "/A/d1/database", 200, 0},
		"an account that the token does not open":     {single, "GET", "/A/workers/scripts", 403, 10000},
		"an account that does not exist":              {token, "GET", "/accounts/" + strings.Repeat("9", 32) + "/workers/scripts", 403, 10000},
		"an account id that is none":                  {token, "GET", "/accounts/nonsense/workers/scripts", 404, 7003},
		"a zone of an account that is closed to it":   {single, "GET", "/Z", 403, 9109},
		"a zone id that is none":                      {token, "GET", "/zones/shop.example", 404, 7003},
		"a path that nobody knows":                    {token, "GET", "/A/workers/nonsense", 501, 7003},
		"a path of a Worker without a token":          {"", "GET", "/S/tails", 400, 9106},
		"a method that the path does not have":        {token, "PATCH", "/A/workers/scripts", 501, 7003},
		"a token that is good":                        {token, "GET", "/user/tokens/verify", 200, 0},
		"a token that is good for one account, there": {single, "GET", "/accounts/" + other + "/tokens/verify", 200, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := c.as(test.token).call(test.method, test.path, nil)
			if test.code == 0 {
				a.ok(nil)
				return
			}
			a.refused(test.status, test.code)
			if test.status == http.StatusNotImplemented && !strings.Contains(a.Errors[0].Message, test.method) {
				t.Errorf("the refusal does not name the route: %s", a.Errors[0].Message)
			}
			if test.token != "" && strings.Contains(string(a.body), test.token) {
				t.Errorf("the answer repeats the token: %s", a.body)
			}
		})
	}
}

func TestAccountsAndMembershipsAreThoseTheTokenOpens(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var all []struct{ ID, Name string }
	if a := c.call("GET", "/accounts", nil).ok(&all); len(all) != 2 || a.Info["total_count"] != 2.0 {
		t.Errorf("accounts: %s", a.body)
	}
	if a := c.as(single).call("GET", "/accounts", nil).ok(&all); len(all) != 1 || all[0].ID != other {
		t.Errorf("accounts of a token for one: %s", a.body)
	}
	var members []struct{ Account struct{ ID string } }
	if a := c.call("GET", "/memberships?page=1", nil).ok(&members); len(members) != 2 {
		t.Errorf("memberships: %s", a.body)
	}
	c.call("GET", "/A", nil).ok(nil)
	c.call("GET", "/user", nil).ok(nil)
	c.call("GET", "/A/workers/account-settings", nil).ok(nil)
	c.call("GET", "/A/workers/subdomain", nil).ok(nil)
	c.call("GET", "/accounts/"+other+"/workers/subdomain", nil).refused(404, 10007)
	c.call("PUT", "/accounts/"+other+"/workers/subdomain", j{"subdomain": "shop"}).refused(409, 10031)
	c.call("PUT", "/accounts/"+other+"/workers/subdomain", j{"subdomain": "Not A Label"}).refused(400, 10033)
	c.call("PUT", "/accounts/"+other+"/workers/subdomain", j{"subdomain": "second"}).ok(nil)
	c.call("GET", "/A/workers/subdomains/second", nil).refused(409, 10031)
	c.call("GET", "/A/workers/subdomains/third", nil).refused(404, 10032)
}

func TestListsAreCutIntoPages(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, name := range []string{"a", "b", "c"} {
		c.call("POST", "/A/d1/database", j{"name": name}).ok(nil)
	}
	tests := map[string]struct {
		query string
		names string
		info  j
	}{
		"the first page":        {"?per_page=2&page=1", "ab", j{"page": 1.0, "count": 2.0, "total_count": 3.0, "total_pages": 2.0}},
		"the last page":         {"?per_page=2&page=2", "c", j{"page": 2.0, "count": 1.0, "total_count": 3.0, "total_pages": 2.0}},
		"a page behind the end": {"?per_page=2&page=9", "", j{"page": 9.0, "count": 0.0, "total_count": 3.0, "total_pages": 2.0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var found []struct{ Name string }
			a := c.call("GET", "/A/d1/database"+test.query, nil).ok(&found)
			got := ""
			for _, f := range found {
				got += f.Name
			}
			if got != test.names {
				t.Errorf("got %q, want %q", got, test.names)
			}
			for k, want := range test.info {
				if a.Info[k] != want {
					t.Errorf("result_info.%s is %v, want %v", k, a.Info[k], want)
				}
			}
		})
	}
	c.call("GET", "/A/d1/database?page=zero", nil).refused(400, 10004)
	c.call("GET", "/A/d1/database?per_page=20000", nil).refused(400, 10004)
}
