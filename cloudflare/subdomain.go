package cloudflare

import (
	"context"
	"net/http"
)

// ScriptSubdomain says whether a Worker is reachable on workers.dev.
type ScriptSubdomain struct {
	Enabled         bool `json:"enabled"`
	PreviewsEnabled bool `json:"previews_enabled"`
}

const (
	accountSubdomainPath = "/accounts/{account_id}/workers/subdomain"
	scriptSubdomainPath  = scriptPath + "/subdomain"
)

type accountSubdomain struct {
	Subdomain string `json:"subdomain"`
}

// Subdomain reads the account's name below workers.dev; IsNotFound when it has none.
func (c *Client) Subdomain(ctx context.Context, account string) (string, error) {
	s, err := call[accountSubdomain](ctx, c, request{method: http.MethodGet, path: accountSubdomainPath, args: []string{account}, effect: reads})
	return s.Subdomain, err
}

// PutSubdomain gives the account its name below workers.dev.
func (c *Client) PutSubdomain(ctx context.Context, account, name string) (string, error) {
	s, err := call[accountSubdomain](ctx, c, request{
		method: http.MethodPut, path: accountSubdomainPath, args: []string{account}, effect: names,
	}.withJSON(accountSubdomain{name}))
	return s.Subdomain, err
}

// ScriptSubdomain reads whether a Worker is reachable on workers.dev.
func (c *Client) ScriptSubdomain(ctx context.Context, account, script string) (ScriptSubdomain, error) {
	return call[ScriptSubdomain](ctx, c, request{method: http.MethodGet, path: scriptSubdomainPath, args: []string{account, script}, effect: reads})
}

// SetScriptSubdomain makes a Worker reachable on workers.dev, or not. Sending it twice
// does no harm, so it is repeated although it is a POST.
func (c *Client) SetScriptSubdomain(ctx context.Context, account, script string, s ScriptSubdomain) (ScriptSubdomain, error) {
	return call[ScriptSubdomain](ctx, c, request{
		method: http.MethodPost, path: scriptSubdomainPath, args: []string{account, script}, effect: names,
	}.withJSON(s))
}
