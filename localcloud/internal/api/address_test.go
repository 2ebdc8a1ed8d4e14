package api_test

import (
	"slices"
	"strings"
	"testing"
)

func TestRoutesLeadToWorkers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	var r struct{ ID string }
	c.call("POST", "/Z/workers/routes", j{"pattern": "shop.example/api/*", "script": "web"}).ok(&r)
	c.call("POST", "/Z/workers/routes", j{"pattern": "shop.example/api/*", "script": "web"}).refused(409, 10020)
	c.call("POST", "/Z/workers/routes", j{"pattern": "shop.example/api/public/*"}).ok(nil) // an exclusion
	c.call("POST", "/Z/workers/routes", j{"pattern": "elsewhere.example/*", "script": "web"}).refused(400, 10022)
	c.call("POST", "/Z/workers/routes", j{"pattern": "shop.*/x", "script": "web"}).refused(400, 10022)
	c.call("POST", "/Z/workers/routes", j{"pattern": "shop.example/*", "script": "nobody"}).refused(400, 10019)
	c.call("GET", "/Z/workers/routes", nil).ok(nil)
	c.call("GET", "/Z/workers/routes/"+r.ID, nil).ok(nil)
	c.call("GET", "/Z/workers/routes/"+strings.Repeat("0", 32), nil).refused(404, 10009)
	c.call("PUT", "/Z/workers/routes/"+r.ID, j{"pattern": "shop.example/v2/*", "script": "web"}).ok(nil)
	if got := servedPatterns(c); !slices.Equal(got, []string{"shop.example/api/public/* ", "shop.example/v2/* web"}) {
		t.Errorf("served routes are %q", got)
	}
	c.call("DELETE", "/Z/workers/routes/"+r.ID, nil).ok(nil)
	// wrangler gives all routes of a Worker at once: what is missing goes.
	c.call("PUT", "/S/routes", []j{{"pattern": "*.shop.example/*", "zone_name": site}, {"pattern": "shop.example/x"}}).ok(nil)
	c.call("PUT", "/S/routes", []j{{"pattern": "shop.example/x", "zone_id": zoneID}}).ok(nil)
	if got := servedPatterns(c); !slices.Equal(got, []string{"shop.example/api/public/* ", "shop.example/x web"}) {
		t.Errorf("served routes are %q", got)
	}
	c.call("PUT", "/S/routes", []j{{"pattern": "nowhere.example/x"}}).refused(400, 10022)
	c.call("PUT", "/S/routes", []j{{"pattern": "shop.example/x", "zone_name": "nowhere.example"}}).refused(400, 10022)
	c.call("GET", "/S/routes", nil).ok(nil)
	c.call("DELETE", "/S", nil).ok(nil)
	if got := servedPatterns(c); !slices.Equal(got, []string{"shop.example/api/public/* "}) {
		t.Errorf("after the Worker's end routes are %q", got)
	}
}

func servedPatterns(c *client) []string {
	var out []string
	for _, r := range c.stage.served().Routes {
		out = append(out, r.Pattern+" "+r.Script)
	}
	slices.Sort(out)
	return out
}

func TestCustomDomainsAreAttached(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	c.call("PUT", "/A/workers/scripts/second", upload(meta(), "index.js", hello)).ok(nil)
	put := func(host, service string, more j) answer {
		t.Helper()
		body := j{"hostname": host, "service": service}
		for k, v := range more {
			body[k] = v
		}
		return c.call("PUT", "/A/workers/domains", body)
	}
	var d struct{ ID string }
	put("www.shop.example", "web", j{"zone_id": zoneID, "environment": "production"}).ok(&d)
	put("www.shop.example", "web", nil).ok(nil)
	put("www.shop.example", "second", nil).refused(409, 100116)
	put("www.shop.example", "nobody", nil).refused(404, 10007)
	put("www.elsewhere.example", "web", nil).refused(400, 100112)
	put("no host", "web", nil).refused(400, 100113)
	put("", "web", nil).refused(400, 100111)
	c.call("POST", "/Z/dns_records", j{"type": "A", "name": "api", "content": "192.0.2.1"}).ok(nil)
	put("api.shop.example", "web", nil).refused(409, 100117)
	put("api.shop.example", "web", j{"override_existing_dns_record": true}).ok(nil)
	put("www.shop.example", "second", j{"override_existing_origin": true}).ok(nil)
	var found []struct{ Hostname, Service string }
	c.call("GET", "/A/workers/domains?service=second", nil).ok(&found)
	if len(found) != 1 || found[0].Hostname != "www.shop.example" {
		t.Errorf("domains: %+v", found)
	}
	c.call("GET", "/A/workers/domains/"+d.ID, nil).ok(nil)
	c.call("GET", "/A/workers/domains/records/"+d.ID, nil).ok(nil)
	c.call("DELETE", "/A/workers/domains/"+d.ID, nil).ok(nil)
	c.call("GET", "/A/workers/domains/"+d.ID, nil).refused(404, 100114)
	if a := c.call("GET", "/Z/dns_records", nil).ok(nil); strings.Contains(string(a.body), "www.shop.example") {
		t.Errorf("the DNS record outlived its domain: %s", a.body)
	}

	changes := struct{ Added, Removed, Updated, Conflicting []struct{ Hostname string } }{}
	c.call("POST", "/Z/dns_records", j{"type": "CNAME", "name": "taken", "content": "x.example"}).ok(nil)
	c.call("POST", "/S/domains/changeset?replace_state=true", []j{{"hostname": "new.shop.example"}, {"hostname": "taken.shop.example"}}).ok(&changes)
	if len(changes.Added) != 1 || len(changes.Removed) != 1 || len(changes.Conflicting) != 1 || len(changes.Updated) != 0 {
		t.Errorf("changes: %+v", changes)
	}
	c.call("PUT", "/S/domains/records", j{"override_scope": true, "override_existing_origin": true, "override_existing_dns_record": true, "origins": []j{{"hostname": "new.shop.example"}}}).ok(nil)
	served := c.stage.served().Domains
	if len(served) != 1 || served[0].Hostname != "new.shop.example" || served[0].Script != "web" {
		t.Errorf("served domains are %+v", served)
	}
}

func TestZonesAndTheirRecords(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var z struct{ ID string }
	c.call("POST", "/zones", j{"name": "new.example", "account": j{"id": account}, "type": "full"}).ok(&z)
	c.call("POST", "/zones", j{"name": "new.example", "account": j{"id": other}}).refused(400, 1061)
	c.call("POST", "/zones", j{"name": "nodot", "account": j{"id": account}}).refused(400, 1001)
	c.as(single).call("POST", "/zones", j{"name": "b.example", "account": j{"id": account}}).refused(403, 1068)
	for query, want := range map[string]int{
		"": 2, "?name=shop.example": 1, "?name=contains:example": 2, "?name=starts_with:new": 1, "?name=nobody.example": 0,
		"?account.id=" + other: 0, "?status=pending": 0, "?per_page=5&page=2": 0,
	} {
		var found []struct{ Name string }
		c.call("GET", "/zones"+query, nil).ok(&found)
		if len(found) != want {
			t.Errorf("GET /zones%s: %d zones, want %d", query, len(found), want)
		}
	}
	c.call("GET", "/zones/"+z.ID, nil).ok(nil)
	c.call("PATCH", "/zones/"+z.ID, j{"paused": true}).ok(nil)
	records := "/zones/" + z.ID + "/dns_records"
	var r struct{ ID, Name string }
	c.call("POST", records, j{"type": "A", "name": "www", "content": "192.0.2.1", "ttl": 1, "proxied": true}).ok(&r)
	if r.Name != "www.new.example" {
		t.Errorf("the record's name is %q", r.Name)
	}
	c.call("POST", records, j{"type": "A", "name": "www.new.example", "content": "192.0.2.1"}).refused(400, 81058)
	c.call("POST", records, j{"type": "CNAME", "name": "www.new.example", "content": "x.example"}).refused(400, 81053)
	c.call("POST", records, j{"name": "x", "content": "1"}).refused(400, 1004)
	c.call("POST", records, j{"type": "A", "name": "x", "content": "192.0.2.2", "ttl": 5}).refused(400, 1004)
	c.call("PATCH", records+"/"+r.ID, j{"comment": "moved", "content": "192.0.2.9"}).ok(nil)
	c.call("PUT", records+"/"+r.ID, j{"type": "A", "name": "www", "content": "192.0.2.3", "ttl": 60}).ok(nil)
	c.call("GET", records+"/"+r.ID, nil).ok(nil)
	c.call("GET", records+"?type=A&name=www.new.example", nil).ok(nil)
	c.call("DELETE", records+"/"+r.ID, nil).ok(nil)
	c.call("GET", records+"/"+r.ID, nil).refused(404, 81044)
	c.call("DELETE", "/zones/"+z.ID, nil).ok(nil)
	c.call("GET", "/zones/"+z.ID, nil).refused(403, 9109)
}
