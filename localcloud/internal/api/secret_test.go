package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeysAreSecretsOfWhichOnlyTheKeyIsHidden(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.deployed()
	key := j{"name": "KEY", "type": "secret_key", "algorithm": j{"name": "HMAC", "hash": "SHA-256"}, "format": "raw", "usages": []string{"sign"}, "key_base64": "AAEC"}
	with := func(field string, value any) j {
		changed := j{}
		for k, v := range key {
			changed[k] = v
		}
		changed[field] = value
		return changed
	}
	var got j
	c.call("PUT", "/S/secrets", key).ok(&got)
	want := j{"name": "KEY", "type": "secret_key", "algorithm": j{"name": "HMAC", "hash": "SHA-256"}, "format": "raw", "usages": []any{"sign"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the key (-want +got):\n%s", diff)
	}
	c.call("GET", "/S/secrets/KEY", nil).ok(&got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the key, asked for (-want +got):\n%s", diff)
	}
	for field, value := range map[string]any{"format": "pem", "algorithm": nil, "key_base64": "***", "usages": []string{"look"}, "key_jwk": j{}} {
		c.call("PUT", "/S/secrets", with(field, value)).refused(400, 10021)
	}
	c.call("PUT", "/S/secrets", j{"name": "A", "type": "secret", "text": "x"}).refused(400, 10021)
	c.call("PUT", "/S", upload(meta(j{"keep_bindings": []string{"secret_key"}}), "index.js", hello)).ok(nil)
	c.call("GET", "/S/secrets/KEY", nil).ok(nil)
}

// While the newest version does not have all the traffic, a change that would make it
// serve is refused.
func TestAChangeThatWouldServeANewVersionIsRefused(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	first := c.deployed()
	c.call("PUT", "/S/secrets", j{"name": "KEY", "type": "secret_text", "text": "1"}).ok(nil)
	served := c.latest()
	c.call("POST", "/S/versions", upload(meta(j{"keep_bindings": []string{"secret_text"}}), "index.js", hello+"// new")).ok(nil)
	secret := j{"name": "KEY", "type": "secret_text", "text": "2"}
	refused := func() {
		t.Helper()
		c.call("PUT", "/S/secrets", secret).refused(400, 10215)
		c.call("DELETE", "/S/secrets/KEY", nil).refused(400, 10215)
		c.call("PATCH", "/S/secrets-bulk", j{"secrets": j{"KEY": nil}}).refused(400, 10215)
		c.call("PATCH", "/S/settings", settingsForm(j{"compatibility_date": "2026-02-02"})).refused(400, 10214)
	}
	refused()
	deploy := func(query string, shares ...any) answer {
		t.Helper()
		versions := []j{}
		for i := 0; i < len(shares); i += 2 {
			versions = append(versions, j{"version_id": shares[i], "percentage": shares[i+1]})
		}
		return c.call("POST", "/S/deployments"+query, j{"strategy": "percentage", "versions": versions})
	}
	newest := c.latest()
	deploy("", newest, 50, served, 50).ok(nil)
	refused()
	deploy("", newest, 100).ok(nil)
	c.call("PUT", "/S/secrets", secret).ok(nil)

	for _, old := range []string{first, served} {
		if got := deploy("", old, 100).refused(400, 10220).Errors[0].Message; got[len(got)-5:] != ": KEY" {
			t.Errorf("the secrets that changed stand at the end of the message, where wrangler reads them: %q", got)
		}
	}
	deploy("?force=true", served, 100).ok(nil)
}
