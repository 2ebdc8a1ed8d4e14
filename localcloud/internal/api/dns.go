package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func dnsEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: zonePath + "/dns_records", Permissions: dnsRead, handle: (*call).dnsRecords},
		{Method: "POST", Pattern: zonePath + "/dns_records", Permissions: dnsWrite, handle: (*call).addDNSRecord},
		{Method: "GET", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsRead, handle: (*call).dnsRecordDetails},
		{Method: "PUT", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).replaceDNSRecord},
		{Method: "PATCH", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).editDNSRecord},
		{Method: "DELETE", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).deleteDNSRecord},
		{Method: "POST", Pattern: zonePath + "/dns_records/batch", Permissions: dnsWrite, handle: (*call).batchDNSRecords},
	}
}

// dnsInput is what a client sends of a record; nil fields were not sent.
type dnsInput struct {
	ID       string          `json:"id"` // in batches; elsewhere it stands in the path
	Type     *string         `json:"type"`
	Name     *string         `json:"name"`
	Content  *string         `json:"content"`
	TTL      *float64        `json:"ttl"`
	Proxied  *bool           `json:"proxied"`
	Priority *float64        `json:"priority"`
	Comment  *string         `json:"comment"`
	Tags     []string        `json:"tags"`
	Settings json.RawMessage `json:"settings"`
	Data     json.RawMessage `json:"data"`
}

// onto writes what was sent over a record and checks the result.
func (in dnsInput) onto(r store.DNSRecord, zone store.Zone) (store.DNSRecord, error) {
	set := func(to *string, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&r.Type, in.Type)
	set(&r.Name, in.Name)
	set(&r.Content, in.Content)
	set(&r.Comment, in.Comment)
	if in.TTL != nil {
		r.TTL = *in.TTL
	}
	if in.Proxied != nil {
		r.Proxied = *in.Proxied
	}
	if in.Priority != nil {
		r.Priority = in.Priority
	}
	if in.Tags != nil {
		r.Tags = in.Tags
	}
	if in.Settings != nil {
		r.Settings = in.Settings
	}
	if in.Data != nil {
		r.Data = in.Data
	}
	if r.TTL == 0 {
		r.TTL = 1
	}
	r.Type = strings.ToUpper(r.Type)
	r.Name = strings.ToLower(strings.TrimSuffix(r.Name, "."))
	if r.Name == "@" || r.Name == "" {
		r.Name = zone.Name
	}
	if r.Name != zone.Name && !strings.HasSuffix(r.Name, "."+zone.Name) {
		r.Name += "." + zone.Name
	}
	switch {
	case r.Type == "":
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the record has no type.")
	case !slices.Contains(recordTypes, r.Type):
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: %q is no type of record; there are %s.", r.Type, strings.Join(recordTypes, ", "))
	case r.Content == "" && len(r.Data) == 0:
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the record has neither content nor data.")
	case r.Type == "A" && !isAddress(r.Content, netip.Addr.Is4):
		return r, refuse(http.StatusBadRequest, 9005, "Content for A record must be a valid IPv4 address.")
	case r.Type == "AAAA" && !isAddress(r.Content, netip.Addr.Is6):
		return r, refuse(http.StatusBadRequest, 9005, "Content for AAAA record must be a valid IPv6 address.")
	case len(r.Name) > 255:
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the name has %d characters, more than 255.", len(r.Name))
	case r.TTL != 1 && (r.TTL < 60 || r.TTL > 86400):
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: ttl must be 1 or from 60 to 86400, got %v.", r.TTL)
	}
	return r, nil
}

// recordTypes are the types of records that Cloudflare's document has.
var recordTypes = []string{
	"A", "AAAA", "CAA", "CERT", "CNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY", "PTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI",
}

func isAddress(s string, kind func(netip.Addr) bool) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && kind(a) && a.Zone() == ""
}

func dnsJSON(r store.DNSRecord) map[string]any {
	m := map[string]any{
		"id": r.ID, "type": r.Type, "name": r.Name, "content": r.Content, "ttl": r.TTL, "proxied": r.Proxied,
		"proxiable": slices.Contains([]string{"A", "AAAA", "CNAME"}, r.Type), "tags": r.Tags,
		"settings": map[string]any{}, "meta": map[string]any{"read_only": r.Domain != ""},
		"created_on": stamp(r.CreatedOn), "modified_on": stamp(r.ModifiedOn),
	}
	if r.Tags == nil {
		m["tags"] = []string{}
	}
	if r.Comment != "" { // Terraform's provider takes an empty one for a change
		m["comment"] = r.Comment
	}
	if r.Priority != nil {
		m["priority"] = *r.Priority
	}
	if r.Settings != nil {
		m["settings"] = r.Settings
	}
	if r.Data != nil {
		m["data"] = r.Data
	}
	return m
}

func (c *call) dnsRecords() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.DNSRecords(c.zone.ID)
		for _, r := range all {
			name, kind, content := c.query.Get("name"), c.query.Get("type"), c.query.Get("content")
			if (name == "" || strings.EqualFold(name, r.Name)) && (kind == "" || strings.EqualFold(kind, r.Type)) && (content == "" || content == r.Content) {
				listed = append(listed, dnsJSON(r))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(pages{1, 100, 5_000_000}, c.query, listed)
}

// newRecord is what a record that is made begins with.
func (c *call) newRecord(*store.Tx, string) (store.DNSRecord, error) {
	return store.DNSRecord{ID: newID(), Zone: c.zone.ID, CreatedOn: c.now()}, nil
}

// emptied is a record of which only its identity stays.
func (c *call) emptied(tx *store.Tx, id string) (store.DNSRecord, error) {
	old, err := c.dnsRecord(tx, id)
	return store.DNSRecord{ID: old.ID, Zone: old.Zone, CreatedOn: old.CreatedOn, Domain: old.Domain}, err
}

func (c *call) dnsRecord(tx *store.Tx, id string) (store.DNSRecord, error) {
	all, err := tx.DNSRecords(c.zone.ID)
	if i := slices.IndexFunc(all, func(r store.DNSRecord) bool { return r.ID == id }); err == nil && i >= 0 {
		return all[i], nil
	}
	if err == nil {
		err = refuse(http.StatusNotFound, 81044, "Record does not exist.")
	}
	return store.DNSRecord{}, err
}

func (c *call) addDNSRecord() (any, error)     { return c.writeDNSRecord(c.newRecord) }
func (c *call) replaceDNSRecord() (any, error) { return c.writeDNSRecord(c.emptied) }
func (c *call) editDNSRecord() (any, error)    { return c.writeDNSRecord(c.dnsRecord) }

// writeDNSRecord writes what was sent over the record that base gives.
func (c *call) writeDNSRecord(base func(*store.Tx, string) (store.DNSRecord, error)) (any, error) {
	var in dnsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	in.ID = c.vars["record_id"]
	var result any
	err := c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
		result, err = c.putDNSRecord(tx, in, base)
		return err
	})
	return result, err
}

func (c *call) putDNSRecord(tx *store.Tx, in dnsInput, base func(*store.Tx, string) (store.DNSRecord, error)) (any, error) {
	old, err := base(tx, in.ID)
	if err != nil {
		return nil, err
	}
	if old.Domain != "" {
		return nil, readOnlyRecord()
	}
	r, err := in.onto(old, c.zone)
	if err != nil {
		return nil, err
	}
	r.ModifiedOn = c.now()
	if err := checkConflicts(tx, r); err != nil {
		return nil, err
	}
	return dnsJSON(r), tx.PutDNSRecord(r)
}

// The codes of records that are in the way of others.
const (
	codeRecordExists  = 81058
	codeAddressExists = 81053
	codeWorkersRecord = 81062
)

// checkConflicts refuses a record that is there already, and a name with a CNAME
// beside another address, or any address beside that of a custom domain. Other types may
// stand beside one: Cloudflare flattens.
func checkConflicts(tx *store.Tx, r store.DNSRecord) error {
	all, err := tx.DNSRecords(r.Zone)
	if err != nil {
		return err
	}
	addresses := []string{"A", "AAAA", "CNAME"}
	for _, other := range all {
		if other.ID == r.ID || other.Name != r.Name {
			continue
		}
		if other.Type == r.Type && other.Content == r.Content && other.Domain == "" {
			return refuse(http.StatusBadRequest, codeRecordExists, "An identical record already exists.")
		}
		switch both := slices.Contains(addresses, other.Type) && slices.Contains(addresses, r.Type); {
		case both && other.Domain != "":
			return refuse(http.StatusBadRequest, codeWorkersRecord, "A DNS record managed by Workers already exists on that host.")
		case both && (other.Type == "CNAME" || r.Type == "CNAME"):
			return refuse(http.StatusBadRequest, codeAddressExists, "An A, AAAA, or CNAME record with that host already exists.")
		}
	}
	return nil
}

// CheckRecord says what is wrong with a record that a seed names, whatever its zone has.
func CheckRecord(zone, kind, name, content string, ttl int, proxied bool) error {
	_, err := seededInput(kind, name, content, ttl, proxied).onto(store.DNSRecord{}, store.Zone{Name: strings.ToLower(zone)})
	if refused, ok := errors.AsType[*Error](err); ok {
		return errors.New(refused.Message)
	}
	return err
}

func seededInput(kind, name, content string, ttl int, proxied bool) dnsInput {
	seconds := float64(ttl)
	return dnsInput{Type: &kind, Name: &name, Content: &content, TTL: &seconds, Proxied: &proxied}
}

// SeedRecord adds a record that a seed names, made at a time, unless the zone has the same
// one, or a custom domain has taken its place.
func SeedRecord(tx *store.Tx, at time.Time, zone store.Zone, kind, name, content string, ttl int, proxied bool) error {
	r, err := seededInput(kind, name, content, ttl, proxied).onto(store.DNSRecord{ID: newID(), Zone: zone.ID, CreatedOn: at, ModifiedOn: at}, zone)
	if err != nil {
		return err
	}
	var refused *Error
	if err := checkConflicts(tx, r); errors.As(err, &refused) && (refused.Code == codeRecordExists || refused.Code == codeWorkersRecord) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.PutDNSRecord(r)
}

// batchDNSRecords makes many changes or none: first what is deleted, then what is
// patched, replaced and made.
func (c *call) batchDNSRecords() (any, error) {
	var in struct{ Deletes, Patches, Puts, Posts []dnsInput }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	result := map[string]any{}
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		for _, part := range []struct {
			name string
			list []dnsInput
			do   func(dnsInput) (any, error)
		}{
			{"deletes", in.Deletes, func(one dnsInput) (any, error) { return c.removeDNSRecord(tx, one.ID) }},
			{"patches", in.Patches, func(one dnsInput) (any, error) { return c.putDNSRecord(tx, one, c.dnsRecord) }},
			{"puts", in.Puts, func(one dnsInput) (any, error) { return c.putDNSRecord(tx, one, c.emptied) }},
			{"posts", in.Posts, func(one dnsInput) (any, error) { return c.putDNSRecord(tx, one, c.newRecord) }},
		} {
			done := []any{}
			for _, one := range part.list {
				m, err := part.do(one)
				if err != nil {
					return err
				}
				done = append(done, m)
			}
			result[part.name] = done
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// removeDNSRecord deletes a record and answers what it was.
func (c *call) removeDNSRecord(tx *store.Tx, id string) (any, error) {
	r, err := c.dnsRecord(tx, id)
	if err != nil {
		return nil, err
	}
	if r.Domain != "" {
		return nil, readOnlyRecord()
	}
	return dnsJSON(r), tx.DeleteDNSRecord(id)
}

func readOnlyRecord() error {
	return refuse(http.StatusBadRequest, 1043, "The record is read-only: it belongs to a custom domain of a Worker.")
}

func (c *call) dnsRecordDetails() (any, error) {
	var r store.DNSRecord
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		r, err = c.dnsRecord(tx, c.vars["record_id"])
		return err
	})
	if err != nil {
		return nil, err
	}
	return dnsJSON(r), nil
}

func (c *call) deleteDNSRecord() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		_, err := c.removeDNSRecord(tx, c.vars["record_id"])
		return err
	})
	return map[string]string{"id": c.vars["record_id"]}, err
}
