package cloudflare

import (
	"context"
	"net/http"
)

// SecretName is a secret of a Worker; Cloudflare never gives its value back.
type SecretName struct {
	Name string `json:"name"`
	Type string `json:"type"` // secret_text or secret_key
}

const secretsPath = scriptPath + "/secrets"

// secretText is a secret on its way out.
type secretText struct {
	Name string `json:"name"`
	Text string `json:"text"`
	Type string `json:"type"`
}

// Secrets lists the names of a Worker's secrets.
func (c *Client) Secrets(ctx context.Context, account, script string) ([]SecretName, error) {
	return call[[]SecretName](ctx, c, request{method: http.MethodGet, path: secretsPath, args: []string{account, script}, effect: reads})
}

// PutSecret sets one secret. This makes a new version and deploys it at once, so it is
// not repeated when the outcome is unknown. CodeLatestNotDeployed says that the latest
// version is not the one that serves.
func (c *Client) PutSecret(ctx context.Context, account, script, name string, value Secret) (SecretName, error) {
	return call[SecretName](ctx, c, request{
		method: http.MethodPut, path: secretsPath, args: []string{account, script}, effect: creates,
	}.withJSON(secretText{name, value.Reveal(), "secret_text"}))
}

// DeleteSecret removes one secret, with a new version that is deployed at once.
func (c *Client) DeleteSecret(ctx context.Context, account, script, name string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: secretsPath + "/{secret_name}", args: []string{account, script, name}, effect: names})
}

// PatchSecrets sets and removes (nil) many secrets with one new version, which is
// deployed at once; those that are not named stay. It is not repeated when the outcome
// is unknown.
func (c *Client) PatchSecrets(ctx context.Context, account, script string, secrets map[string]*Secret) error {
	body := struct {
		Secrets map[string]*secretText `json:"secrets"`
	}{map[string]*secretText{}}
	for name, value := range secrets {
		if value == nil {
			body.Secrets[name] = nil
			continue
		}
		body.Secrets[name] = &secretText{name, value.Reveal(), "secret_text"}
	}
	r := request{method: http.MethodPatch, path: scriptPath + "/secrets-bulk", args: []string{account, script}, effect: creates}.withJSON(body)
	r.contentType = "application/merge-patch+json"
	return c.run(ctx, r)
}
