package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func secretEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: scriptPath + "/secrets", Permissions: scriptsRead, handle: (*call).secrets},
		{Method: "PUT", Pattern: scriptPath + "/secrets", Permissions: scriptsWrite, handle: (*call).putSecret},
		{Method: "GET", Pattern: scriptPath + "/secrets/{secret_name}", Permissions: scriptsRead, handle: (*call).secretDetails},
		{Method: "DELETE", Pattern: scriptPath + "/secrets/{secret_name}", Permissions: scriptsWrite, handle: (*call).deleteSecret},
		{Method: "PATCH", Pattern: scriptPath + "/secrets-bulk", Permissions: scriptsWrite, handle: (*call).editSecrets},
	}
}

// secretInput is one secret, a text or a key, as a client sends it and as a binding;
// nil means remove.
type secretInput struct {
	Name      string          `json:"name"`
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Algorithm json.RawMessage `json:"algorithm,omitempty"`
	Format    string          `json:"format,omitempty"`
	Usages    []string        `json:"usages,omitempty"`
	KeyBase64 string          `json:"key_base64,omitempty"`
	KeyJWK    json.RawMessage `json:"key_jwk,omitempty"`
}

const (
	secretText = "secret_text"
	secretKey  = "secret_key"
)

func isSecret(kind string) bool { return kind == secretText || kind == secretKey }

// shown is what may be told of a secret.
func (s secretInput) shown() secretInput {
	s.Text, s.KeyBase64, s.KeyJWK = nil, "", nil
	return s
}

// same reports whether a Worker would see no difference.
func (s secretInput) same(other secretInput) bool { return reflect.DeepEqual(s, other) }

// checkKey refuses a key that could not become a CryptoKey.
func (s secretInput) checkKey() error {
	bad := func(format string, args ...any) error { return refuse(http.StatusBadRequest, 10021, format, args...) }
	usages := []string{"encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey"}
	switch {
	case !slices.Contains([]string{"raw", "pkcs8", "spki", "jwk"}, s.Format):
		return bad("secret %s of type secret_key must have a `format` that is raw, pkcs8, spki or jwk", s.Name)
	case !given(s.Algorithm):
		return bad("secret %s of type secret_key must have an `algorithm`", s.Name)
	case (s.Format == "jwk") != given(s.KeyJWK) || (s.Format == "jwk") == (s.KeyBase64 != ""):
		return bad("secret %s of type secret_key must have a `key_jwk` when its format is jwk, else a `key_base64`", s.Name)
	case slices.ContainsFunc(s.Usages, func(u string) bool { return !slices.Contains(usages, u) }):
		return bad("secret %s of type secret_key has a usage that is none of %s", s.Name, strings.Join(usages, ", "))
	}
	if _, err := base64.StdEncoding.DecodeString(s.KeyBase64); err != nil {
		return bad("secret %s of type secret_key has a `key_base64` that is not base64", s.Name)
	}
	return nil
}

func (c *call) secrets() (any, error) {
	found, err := c.latestSecrets()
	listed := []secretInput{}
	for _, name := range sortedNames(found) {
		listed = append(listed, found[name].shown())
	}
	return listed, err
}

// latestSecrets are those of the newest version.
func (c *call) latestSecrets() (map[string]secretInput, error) {
	_, v, err := c.latest()
	if err != nil || v == nil {
		return nil, err
	}
	return secretsOf(v.Bindings), nil
}

func (c *call) secretDetails() (any, error) {
	found, err := c.latestSecrets()
	if err != nil {
		return nil, err
	}
	secret, ok := found[c.vars["secret_name"]]
	if !ok {
		return nil, noSecret(c.vars["secret_name"])
	}
	return secret.shown(), nil
}

func noSecret(name string) error {
	return refuse(http.StatusNotFound, 10056, "The Worker has no secret %q.", name)
}

func (c *call) putSecret() (any, error) {
	var in secretInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	_, err := c.changeSecrets(map[string]*secretInput{in.Name: &in})
	if err != nil {
		return nil, err
	}
	return in.shown(), nil
}

func (c *call) deleteSecret() (any, error) {
	_, err := c.changeSecrets(map[string]*secretInput{c.vars["secret_name"]: nil})
	return nil, err
}

// editSecrets is a merge patch: a value sets a secret, null removes it.
func (c *call) editSecrets() (any, error) {
	var in struct {
		Secrets map[string]*secretInput `json:"secrets"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	for name, s := range in.Secrets {
		if s != nil {
			s.Name = name
		}
	}
	bindings, err := c.changeSecrets(in.Secrets)
	if err != nil {
		return nil, err
	}
	result := map[string]any{}
	for name, secret := range secretsOf(bindings) {
		result[name] = secret.shown()
	}
	return result, nil
}

// changeSecrets makes a version with other secrets and serves it. That is refused
// while the newest version is not the one that serves, because it would begin to.
func (c *call) changeSecrets(changes map[string]*secretInput) ([]json.RawMessage, error) {
	for name, in := range changes {
		if in != nil && !isSecret(in.Type) {
			return nil, refuse(http.StatusBadRequest, 10021, "Secret %q has type %q: it is secret_text or secret_key.", name, in.Type)
		}
	}
	d, err := c.makeVersion(making{script: c.scriptName(), trigger: "secret", resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.derived(tx)
		if err != nil {
			return nil, err
		}
		if !d.servesLatest() {
			return nil, refuse(http.StatusBadRequest, 10215, "Secret edit failed: the latest version of this Worker is not deployed to all of its traffic. Deploy it first, or make a version with the secret (versions secret put).")
		}
		return d, c.editSecretsOf(tx, d, changes)
	}})
	if err != nil {
		return nil, err
	}
	return d.version.Bindings, nil
}

func (c *call) editSecretsOf(tx *store.Tx, d *draft, changes map[string]*secretInput) error {
	bindings, err := editedSecrets(d.version.Bindings, changes)
	if err != nil {
		return err
	}
	return c.resolveBindings(tx, d, bindings, nil)
}

// editedSecrets applies changes to bindings.
func editedSecrets(have []json.RawMessage, changes map[string]*secretInput) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	known := map[string]bool{}
	for _, raw := range have {
		var b binding
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, err
		}
		if _, changed := changes[b.Name]; changed {
			if !isSecret(b.Type) {
				return nil, refuse(http.StatusBadRequest, 10053, "Binding name %q is used already, by a binding of type %s.", b.Name, b.Type)
			}
			known[b.Name] = true
			continue
		}
		out = append(out, raw)
	}
	for _, name := range sortedNames(changes) {
		in := changes[name]
		if in == nil {
			if !known[name] {
				return nil, noSecret(name)
			}
			continue
		}
		in.Name = name
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		out = append(out, raw)
	}
	return out, nil
}

// editLatestVersion is a merge patch on the newest version that makes a new one,
// which waits unless deploy=true: how current wrangler sets a secret of a version.
func (c *call) editLatestVersion() (any, error) {
	var in struct {
		Env         map[string]*secretInput `json:"env"`
		Annotations map[string]string       `json:"annotations"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := checkAnnotations(in.Annotations); err != nil {
		return nil, err
	}
	for name, s := range in.Env {
		if s != nil && !isSecret(s.Type) {
			return nil, refuse(http.StatusNotImplemented, 100153, "Binding %q has type %q: only secrets can be patched in the local cloud.", name, s.Type)
		}
	}
	d, err := c.makeVersion(making{script: c.scriptName(), trigger: "secret", waits: !c.deploys(), resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.derived(tx)
		if err != nil {
			return nil, err
		}
		d.version.Annotations = in.Annotations
		return d, c.editSecretsOf(tx, d, in.Env)
	}})
	if err != nil {
		return nil, err
	}
	return workerVersionJSON(d.version), nil
}
