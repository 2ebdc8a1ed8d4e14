package localcloud

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/browsertest"
	"github.com/tamylaa/clodo/internal/npmtest"
)

func TestThePageIsAtTheRootOfTheAPIPort(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options  Options
		path     string
		password bool
		status   int
		want     string
	}{
		"the root is the page":                       {Options{}, "/", false, 200, "Nothing was made here yet"},
		"other paths are the API's":                  {Options{}, "/accounts", false, 404, `"code":7003`},
		"other machines need the token":              {Options{AllowRemote: true}, "/", false, 401, "token"},
		"and see the page with it":                   {Options{AllowRemote: true}, "/", true, 200, "Nothing was made here yet"},
		"a path that is not clean is not the page's": {Options{}, "/client/v4//accounts", false, 400, `"code":9106`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.options.Dir = t.TempDir()
			c := start(t, test.options)
			req, err := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(c.Info().API, "/client/v4")+test.path, nil)
			fatal(t, err)
			if test.password {
				req.SetBasicAuth("anybody", c.Info().APIToken)
			}
			res, err := http.DefaultClient.Do(req)
			fatal(t, err)
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			fatal(t, err)
			if res.StatusCode != test.status || !strings.Contains(string(b), test.want) {
				t.Errorf("%d %s", res.StatusCode, b)
			}
		})
	}
}

func TestThePageInABrowser(t *testing.T) {
	t.Parallel()
	b := browsertest.New(t)
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	var database struct{ UUID string }
	fatal(t, json.Unmarshal(r.do("POST", "/client/v4/accounts/{a}/d1/database", map[string]string{"name": "shop"}), &database))
	b.Open(strings.TrimSuffix(c.Info().API, "/client/v4"))
	b.WaitFor("table", "shop")
	b.Follow("table a")
	b.WaitFor("h1", "D1 database of local")
	b.Type("textarea", "CREATE TABLE t(a); INSERT INTO t VALUES('<first>'); SELECT a FROM t")
	b.Follow("form button")
	b.WaitFor(".result:last-of-type", "<first>")
	b.WaitFor("details", "t table")

	npmtest.Workerd(t)
	r.deploy("web", `export default { fetch(request) { console.log("saw", { path: new URL(request.url).pathname }); return new Response("hi") } }`, "")
	b.Follow("nav a:last-child")
	b.WaitFor("#requests", "Nothing yet")
	if got := r.get("web", "/seen"); got != "hi" {
		t.Fatalf("the Worker answered %q", got)
	}
	// Without a reload: the page asks for what is new.
	b.WaitFor("#requests", `saw {"path":"/seen"}`)
	b.Follow("#requests a")
	b.WaitFor("h1", "web Worker")
}
