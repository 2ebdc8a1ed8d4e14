package localcloud

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudflare/cloudflare-go/v7/d1"
	"github.com/cloudflare/cloudflare-go/v7/kv"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/zones"

	"github.com/tamylaa/clodo/internal/openapitest"
)

// Cloudflare's own SDK is a client that nobody here wrote. Its parameters are set
// field by field: their constructors live in its root package, which takes minutes
// to compile.
func TestCloudflaresSDK(t *testing.T) {
	t.Parallel()
	checker := openapitest.Load(t)
	c := start(t, Options{
		Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}},
		wrapAPI: func(next http.Handler) http.Handler { return checker.ResponseMiddleware(t, next) },
	})
	info := c.Info()
	opts := []option.RequestOption{option.WithBaseURL(info.API + "/"), option.WithAPIToken(info.APIToken), option.WithMaxRetries(0)}
	t.Run("D1", func(t *testing.T) { useDatabases(t, d1.NewDatabaseService(opts...), info.AccountID) })
	t.Run("KV", func(t *testing.T) { useNamespaces(t, kv.NewNamespaceService(opts...), info.AccountID) })
	t.Run("zones", func(t *testing.T) { useZones(t, zones.NewZoneService(opts...), info.AccountID) })
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func useDatabases(t *testing.T, service *d1.DatabaseService, account string) {
	var made []string
	for _, name := range []string{"one", "two", "three"} {
		var p d1.DatabaseNewParams
		p.AccountID.Value, p.AccountID.Present = account, true
		p.Name.Value, p.Name.Present = name, true
		d, err := service.New(t.Context(), p)
		fatal(t, err)
		made = append(made, d.UUID)
	}
	var q d1.DatabaseQueryParams
	var sql d1.DatabaseQueryParamsBodyD1SingleQuery
	sql.Sql.Value, sql.Sql.Present = "SELECT 'x' AS name", true
	q.AccountID.Value, q.AccountID.Present = account, true
	q.Body = sql
	found, err := service.Query(t.Context(), made[0], q)
	fatal(t, err)
	if len(found.Result) != 1 || !found.Result[0].Success {
		t.Errorf("query: %+v", found.Result)
	}
	var l d1.DatabaseListParams
	l.AccountID.Value, l.AccountID.Present = account, true
	l.PerPage.Value, l.PerPage.Present = 2, true
	var names []string
	pages := service.ListAutoPaging(t.Context(), l)
	for pages.Next() {
		names = append(names, pages.Current().Name)
	}
	fatal(t, pages.Err())
	if got := strings.Join(names, " "); got != "one two three" {
		t.Errorf("all pages list %q", got)
	}
	var del d1.DatabaseDeleteParams
	del.AccountID.Value, del.AccountID.Present = account, true
	_, err = service.Delete(t.Context(), made[0], del)
	fatal(t, err)
	var get d1.DatabaseGetParams
	get.AccountID.Value, get.AccountID.Present = account, true
	if _, err := service.Get(t.Context(), made[0], get); err == nil || !strings.Contains(err.Error(), "7404") {
		t.Errorf("a deleted database: %v", err)
	}
}

func useNamespaces(t *testing.T, service *kv.NamespaceService, account string) {
	var p kv.NamespaceNewParams
	p.AccountID.Value, p.AccountID.Present = account, true
	p.Title.Value, p.Title.Present = "cache", true
	n, err := service.New(t.Context(), p)
	fatal(t, err)
	var put kv.NamespaceBulkUpdateParams
	put.AccountID.Value, put.AccountID.Present = account, true
	for _, key := range []string{"a", "b/c", "d"} {
		var pair kv.NamespaceBulkUpdateParamsBody
		pair.Key.Value, pair.Key.Present = key, true
		pair.Value.Value, pair.Value.Present = "value of "+key, true
		put.Body = append(put.Body, pair)
	}
	wrote, err := service.BulkUpdate(t.Context(), n.ID, put)
	fatal(t, err)
	if wrote.SuccessfulKeyCount != 3 {
		t.Errorf("bulk wrote %v keys", wrote.SuccessfulKeyCount)
	}
	var l kv.NamespaceKeyListParams
	l.AccountID.Value, l.AccountID.Present = account, true
	l.Limit.Value, l.Limit.Present = 10, true
	var keys []string
	pages := service.Keys.ListAutoPaging(t.Context(), n.ID, l)
	for pages.Next() {
		keys = append(keys, pages.Current().Name)
	}
	fatal(t, pages.Err())
	if got := strings.Join(keys, " "); got != "a b/c d" {
		t.Errorf("keys are %q", got)
	}
	var get kv.NamespaceValueGetParams
	get.AccountID.Value, get.AccountID.Present = account, true
	res, err := service.Values.Get(t.Context(), n.ID, "b%2Fc", get)
	fatal(t, err)
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != "value of b/c" {
		t.Errorf("the value is %q, %v", b, err)
	}
	var del kv.NamespaceDeleteParams
	del.AccountID.Value, del.AccountID.Present = account, true
	_, err = service.Delete(t.Context(), n.ID, del)
	fatal(t, err)
}

func useZones(t *testing.T, service *zones.ZoneService, account string) {
	var p zones.ZoneNewParams
	p.Account.Value.ID.Value, p.Account.Value.ID.Present = account, true
	p.Account.Present = true
	p.Name.Value, p.Name.Present = "second.example", true
	z, err := service.New(t.Context(), p)
	fatal(t, err)
	var names []string
	pages := service.ListAutoPaging(t.Context(), zones.ZoneListParams{})
	for pages.Next() {
		names = append(names, pages.Current().Name)
	}
	fatal(t, pages.Err())
	if got := strings.Join(names, " "); got != "shop.example second.example" {
		t.Errorf("zones are %q", got)
	}
	var get zones.ZoneGetParams
	get.ZoneID.Value, get.ZoneID.Present = z.ID, true
	again, err := service.Get(t.Context(), get)
	fatal(t, err)
	if again.Name != z.Name || again.Status != zones.ZoneStatusActive {
		t.Errorf("the zone is %+v", again)
	}
	var del zones.ZoneDeleteParams
	del.ZoneID.Value, del.ZoneID.Present = z.ID, true
	_, err = service.Delete(t.Context(), del)
	fatal(t, err)
}
