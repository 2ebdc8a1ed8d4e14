package cloudflare

import (
	"context"
	"net/http"
	"net/url"
)

// Domain is a hostname that belongs to a Worker as a whole, with DNS record and
// certificate made by Cloudflare.
type Domain struct {
	ID          string `json:"id"`
	Hostname    string `json:"hostname"`
	Service     string `json:"service"` // the script's name
	ZoneID      string `json:"zone_id"`
	ZoneName    string `json:"zone_name"`
	Environment string `json:"environment,omitempty"`
	CertID      string `json:"cert_id,omitempty"`
}

// DomainFilter narrows Domains; empty fields do not.
type DomainFilter struct {
	Service  string
	Hostname string
	ZoneID   string
}

// DomainAttach asks for a hostname. Without the Override fields, a hostname that has
// another origin or DNS record is refused with CodeDNSRecordConflict.
type DomainAttach struct {
	Hostname                  string `json:"hostname"`
	Service                   string `json:"service"`
	ZoneID                    string `json:"zone_id,omitempty"`
	ZoneName                  string `json:"zone_name,omitempty"`
	Environment               string `json:"environment,omitempty"` // Cloudflare's default: production
	OverrideExistingOrigin    bool   `json:"override_existing_origin,omitempty"`
	OverrideExistingDNSRecord bool   `json:"override_existing_dns_record,omitempty"`
}

const domainsPath = "/accounts/{account_id}/workers/domains"

// Domains lists custom domains; Cloudflare gives them in one piece.
func (c *Client) Domains(ctx context.Context, account string, f DomainFilter) ([]Domain, error) {
	q := url.Values{}
	set(q, "service", f.Service)
	set(q, "hostname", f.Hostname)
	set(q, "zone_id", f.ZoneID)
	return call[[]Domain](ctx, c, request{method: http.MethodGet, path: domainsPath, args: []string{account}, query: q, effect: reads})
}

// PutDomain attaches a hostname to a Worker; doing it again changes nothing.
func (c *Client) PutDomain(ctx context.Context, account string, d DomainAttach) (Domain, error) {
	return call[Domain](ctx, c, request{method: http.MethodPut, path: domainsPath, args: []string{account}, effect: names}.withJSON(d))
}

// DeleteDomain detaches the custom domain id.
func (c *Client) DeleteDomain(ctx context.Context, account, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: domainsPath + "/{domain_id}", args: []string{account, id}, effect: names})
}
