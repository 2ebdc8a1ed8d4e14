package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// group is the id of a permission group, looked up as a client does.
func (c *client) group(name string) j {
	c.t.Helper()
	var found []struct{ ID, Name string }
	c.call("GET", "/user/tokens/permission_groups", nil).ok(&found)
	for _, g := range found {
		if g.Name == name {
			return j{"id": g.ID}
		}
	}
	c.t.Fatalf("there is no permission group %q in %v", name, found)
	return nil
}

// policy allows groups on resources, which are names or what stands in one.
func (c *client) policy(effect string, resources j, groups ...string) j {
	c.t.Helper()
	var listed []j
	for _, g := range groups {
		listed = append(listed, c.group(g))
	}
	return j{"effect": effect, "resources": resources, "permission_groups": listed}
}

// made is a client with a new token.
func (c *client) made(path string, policies ...j) *client {
	c.t.Helper()
	var t struct{ Value string }
	c.call("POST", path, j{"name": "made", "policies": policies}).ok(&t)
	if !strings.HasPrefix(t.Value, api.TokenPrefix) {
		c.t.Fatalf("the new token is %q", t.Value)
	}
	return c.as(t.Value)
}

const (
	accountResource = "com.cloudflare.api.account." + account
	zoneResource    = "com.cloudflare.api.account.zone." + zoneID
	everyZone       = "com.cloudflare.api.account.zone.*"
)

func TestATokenMayWhatItsPoliciesSay(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	type attempt struct {
		method, path string
		body         any
		code         int // 0: it works
	}
	scripts := attempt{"GET", "/A/workers/scripts", nil, 0}
	routes := attempt{"GET", "/Z/workers/routes", nil, 0}
	not := func(a attempt, code int) attempt {
		a.code = code
		return a
	}
	for name, test := range map[string]struct {
		policies []j
		attempts []attempt
	}{
		"reading does not write": {
			[]j{c.policy("allow", j{accountResource: "*"}, "Workers Scripts Read")},
			[]attempt{scripts, {"DELETE", "/S", nil, 10000}, {"GET", "/A/d1/database", nil, 10000}, {"GET", "/user", nil, 9109}},
		},
		"writing reads": {
			[]j{c.policy("allow", j{accountResource: "*"}, "D1 Write")},
			[]attempt{{"GET", "/A/d1/database", nil, 0}, not(scripts, 10000)},
		},
		"an account is not another one": {
			[]j{c.policy("allow", j{"com.cloudflare.api.account." + other: "*"}, "Workers Scripts Read")},
			[]attempt{not(scripts, 10000), {"GET", "/accounts/" + other + "/workers/scripts", nil, 0}},
		},
		"a star is every account": {
			[]j{c.policy("allow", j{"com.cloudflare.api.account.*": "*"}, "Workers Scripts Read")},
			[]attempt{scripts, {"GET", "/accounts/" + other + "/workers/scripts", nil, 0}, not(routes, 9109)},
		},
		"a zone": {
			[]j{c.policy("allow", j{zoneResource: "*"}, "Workers Routes Read", "Zone Read")},
			[]attempt{routes, {"GET", "/zones", nil, 0}, not(scripts, 10000), {"GET", "/Z/dns_records", nil, 10000}},
		},
		"the zones of an account": {
			[]j{c.policy("allow", j{accountResource: j{everyZone: "*"}}, "Workers Routes Read")},
			[]attempt{routes, not(scripts, 10000)},
		},
		"the zones of another account": {
			[]j{c.policy("allow", j{"com.cloudflare.api.account." + other: j{everyZone: "*"}}, "Workers Routes Read")},
			[]attempt{not(routes, 9109)},
		},
		"what is denied is not allowed": {
			[]j{c.policy("allow", j{accountResource: "*"}, "Workers Scripts Write", "D1 Read"), c.policy("deny", j{accountResource: "*"}, "Workers Scripts Write")},
			[]attempt{{"DELETE", "/S", nil, 10000}, {"GET", "/A/d1/database", nil, 0}},
		},
		"zones are made where they are allowed": {
			[]j{c.policy("allow", j{accountResource: j{everyZone: "*"}}, "Zone Write"), c.policy("allow", j{accountResource: "*"}, "D1 Read")},
			[]attempt{{"POST", "/zones", j{"name": "new.example", "account": j{"id": account}}, 0}, {"POST", "/zones", j{"name": "newer.example", "account": j{"id": other}}, 1068}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			limited := c.made("/user/tokens", test.policies...)
			limited.t = t
			for _, a := range test.attempts {
				answer := limited.call(a.method, a.path, a.body)
				if a.code == 0 {
					answer.ok(nil)
				} else {
					answer.refused(403, a.code)
				}
			}
		})
	}
}

func TestTheLifeOfAToken(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for _, path := range []string{"/user/tokens", "/A/tokens"} {
		policy := c.policy("allow", j{accountResource: "*"}, "Workers Scripts Read")
		var made struct {
			ID, Name, Value, Status string
			Policies                []struct {
				Effect    string
				Groups    []struct{ Name string } `json:"permission_groups"`
				Resources map[string]any
			}
		}
		c.call("POST", path, j{"name": "ci", "policies": []j{policy}}).ok(&made)
		if made.Name != "ci" || made.Status != "active" || len(made.Policies) != 1 || made.Policies[0].Groups[0].Name != "Workers Scripts Read" {
			t.Errorf("made %+v", made)
		}
		if diff := cmp.Diff(map[string]any{accountResource: "*"}, made.Policies[0].Resources); diff != "" {
			t.Error(diff)
		}
		ci, one := c.as(made.Value), path+"/"+made.ID
		verify := path + "/verify"
		ci.call("GET", verify, nil).ok(nil)
		ci.call("GET", "/A/workers/scripts", nil).ok(nil)
		ci.call("GET", path, nil).refused(403, 10000)
		for _, shown := range []answer{c.call("GET", one, nil).ok(nil), c.call("GET", path, nil).ok(nil)} {
			if strings.Contains(string(shown.body), made.Value) || !strings.Contains(string(shown.body), made.ID) {
				t.Errorf("%s shows %s", shown.what, shown.body)
			}
		}
		c.call("GET", path+"?direction=desc", nil).ok(nil)
		c.call("GET", path+"/permission_groups?scope=com.cloudflare.api.account.zone", nil).ok(nil)
		for _, name := range []string{"D1%20Read", "D1%2520Read"} { // Terraform's provider encodes it twice
			var found []struct{ Name string }
			c.call("GET", path+"/permission_groups?name="+name, nil).ok(&found)
			if len(found) != 1 || found[0].Name != "D1 Read" {
				t.Errorf("%s finds %+v", name, found)
			}
		}

		c.call("PUT", one, j{"name": "ci", "status": "disabled", "policies": []j{policy}}).ok(nil)
		ci.call("GET", "/A/workers/scripts", nil).refused(403, 9109)
		var state struct{ Status string }
		if ci.call("GET", verify, nil).ok(&state); state.Status != "disabled" {
			t.Errorf("verifying says %q", state.Status)
		}
		c.call("PUT", one, j{"name": "ci", "policies": []j{policy}}).ok(nil)
		ci.call("GET", "/A/workers/scripts", nil).ok(nil)

		var value string
		c.call("PUT", one+"/value", j{}).ok(&value)
		ci.call("GET", "/A/workers/scripts", nil).refused(403, 9109)
		c.as(value).call("GET", "/A/workers/scripts", nil).ok(nil)
		c.call("DELETE", one, nil).ok(nil)
		c.as(value).call("GET", "/A/workers/scripts", nil).refused(403, 9109)
		c.call("GET", one, nil).refused(404, 1003)
	}
}

func TestATokenEndsByTheCloudsTime(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	now := c.clock.Now()
	var made struct{ ID, Value string }
	c.call("POST", "/user/tokens", j{
		"name": "short", "expires_on": now.Add(2 * time.Hour), "not_before": now.Add(time.Hour),
		"policies": []j{c.policy("allow", j{accountResource: "*"}, "D1 Read")},
	}).ok(&made)
	short := c.as(made.Value)
	short.call("GET", "/A/d1/database", nil).refused(403, 9109)
	check(t, c.clock.Advance(90*time.Minute))
	short.call("GET", "/A/d1/database", nil).ok(nil)
	check(t, c.clock.Advance(time.Hour))
	short.call("GET", "/A/d1/database", nil).refused(403, 9109)
	var state struct {
		Status    string
		ExpiresOn string `json:"expires_on"`
	}
	if a := short.call("GET", "/user/tokens/verify", nil).ok(&state); state.Status != "expired" || state.ExpiresOn == "" || strings.Contains(string(a.body), "valid and active") {
		t.Errorf("verifying says %s", a.body)
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	good := c.policy("allow", j{accountResource: "*"}, "D1 Read")
	with := func(key string, value any) j {
		p := j{}
		for k, v := range good {
			p[k] = v
		}
		p[key] = value
		return p
	}
	for name, body := range map[string]any{
		"no name":                  j{"policies": []j{good}},
		"no policies":              j{"name": "x"},
		"an effect of its own":     j{"name": "x", "policies": []j{with("effect", "perhaps")}},
		"no groups":                j{"name": "x", "policies": []j{with("permission_groups", []j{})}},
		"a group that is not":      j{"name": "x", "policies": []j{with("permission_groups", []j{{"id": "nonsense"}})}},
		"no resources":             j{"name": "x", "policies": []j{with("resources", j{})}},
		"a resource of its own":    j{"name": "x", "policies": []j{with("resources", j{"everything": "*"})}},
		"a resource with a number": j{"name": "x", "policies": []j{with("resources", j{accountResource: 7})}},
		"an account in an account": j{"name": "x", "policies": []j{with("resources", j{accountResource: j{accountResource: "*"}})}},
		"a status of its own":      j{"name": "x", "status": "great", "policies": []j{good}},
		"an end that is over":      j{"name": "x", "expires_on": "2001-01-01T00:00:00Z", "policies": []j{good}},
	} {
		if got := c.call("POST", "/user/tokens", body); got.status != 400 || got.Errors[0].Code != 1001 {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	c.call("POST", "/user/tokens", j{"name": 7}).refused(400, 10026)
	c.call("POST", "/A/tokens", j{"name": "x", "policies": []j{c.policy("allow", j{"com.cloudflare.api.account." + other: "*"}, "D1 Read")}}).refused(400, 1001)
	// The groups that the API names are those that can be given.
	var found []struct{ Name string }
	check(t, json.Unmarshal(c.call("GET", "/user/tokens/permission_groups?name=D1%20Read", nil).ok(nil).Result, &found))
	if len(found) != 1 || len(api.Groups()) < 20 {
		t.Errorf("D1 Read is %v, of %d groups", found, len(api.Groups()))
	}
}
