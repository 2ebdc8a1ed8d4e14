package cloudflare

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// Zone is a domain that Cloudflare serves.
type Zone struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Status      string   `json:"status"` // initializing, pending, active or moved
	Paused      bool     `json:"paused"`
	Type        string   `json:"type"`
	Account     Account  `json:"account"`
	NameServers []string `json:"name_servers"`
	Permissions []string `json:"permissions,omitempty"`
}

// ZoneFilter narrows Zones; empty fields do not.
type ZoneFilter struct {
	Name    string // exact
	Account string // id
	Status  string
}

// Zones lists zones.
func (c *Client) Zones(ctx context.Context, f ZoneFilter) iter.Seq2[Zone, error] {
	q := url.Values{}
	set(q, "name", f.Name)
	set(q, "account.id", f.Account)
	set(q, "status", f.Status)
	return pages(ctx, c, request{method: http.MethodGet, path: "/zones", query: q, effect: reads}, 50, itself[Zone])
}

// Zone reads one zone.
func (c *Client) Zone(ctx context.Context, zone string) (Zone, error) {
	return call[Zone](ctx, c, request{method: http.MethodGet, path: "/zones/{zone_id}", args: []string{zone}, effect: reads})
}
