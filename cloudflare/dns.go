package cloudflare

import (
	"context"
	"iter"
	"net/http"
	"net/url"
)

// DNSRecord is one record of a zone. ID is Cloudflare's and not sent.
type DNSRecord struct {
	ID       string   `json:"id,omitempty"`
	Type     string   `json:"type"`
	Name     string   `json:"name"` // complete, without a final dot
	Content  string   `json:"content"`
	TTL      int      `json:"ttl"` // seconds; 1 lets Cloudflare choose
	Proxied  bool     `json:"proxied"`
	Priority *int     `json:"priority,omitempty"`
	Comment  string   `json:"comment,omitempty"`
	Tags     []string `json:"tags,omitempty"`
}

// DNSFilter narrows DNSRecords; empty fields do not.
type DNSFilter struct {
	Type string
	Name string // exact
}

const dnsRecordsPath = "/zones/{zone_id}/dns_records"

// DNSRecords lists a zone's records.
func (c *Client) DNSRecords(ctx context.Context, zone string, f DNSFilter) iter.Seq2[DNSRecord, error] {
	q := url.Values{}
	set(q, "type", f.Type)
	set(q, "name", f.Name)
	return pages(ctx, c, request{method: http.MethodGet, path: dnsRecordsPath, args: []string{zone}, query: q, effect: reads}, 1000, itself[DNSRecord])
}

// CreateDNSRecord adds a record.
func (c *Client) CreateDNSRecord(ctx context.Context, zone string, r DNSRecord) (DNSRecord, error) {
	r.ID = ""
	return call[DNSRecord](ctx, c, request{method: http.MethodPost, path: dnsRecordsPath, args: []string{zone}, effect: creates}.withJSON(r))
}

// UpdateDNSRecord replaces the record id.
func (c *Client) UpdateDNSRecord(ctx context.Context, zone, id string, r DNSRecord) (DNSRecord, error) {
	r.ID = ""
	return call[DNSRecord](ctx, c, request{method: http.MethodPut, path: dnsRecordsPath + "/{dns_record_id}", args: []string{zone, id}, effect: names}.withJSON(r))
}

// DeleteDNSRecord removes the record id.
func (c *Client) DeleteDNSRecord(ctx context.Context, zone, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: dnsRecordsPath + "/{dns_record_id}", args: []string{zone, id}, effect: names})
}
