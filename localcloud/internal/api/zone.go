package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func zoneEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: "/zones", Permissions: zoneRead, handle: (*call).zones},
		{Method: "POST", Pattern: "/zones", Permissions: zoneMake, handle: (*call).addZone},
		{Method: "GET", Pattern: zonePath, Permissions: zoneRead, handle: (*call).zoneDetails},
		{Method: "PATCH", Pattern: zonePath, Permissions: zoneWrite, handle: (*call).editZone},
		{Method: "DELETE", Pattern: zonePath, Permissions: zoneWrite, handle: (*call).deleteZone},
		{Method: "GET", Pattern: zonePath + "/dns_records", Permissions: dnsRead, handle: (*call).dnsRecords},
		{Method: "POST", Pattern: zonePath + "/dns_records", Permissions: dnsWrite, handle: (*call).addDNSRecord},
		{Method: "GET", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsRead, handle: (*call).dnsRecordDetails},
		{Method: "PUT", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).replaceDNSRecord},
		{Method: "PATCH", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).editDNSRecord},
		{Method: "DELETE", Pattern: zonePath + "/dns_records/{record_id}", Permissions: dnsWrite, handle: (*call).deleteDNSRecord},
	}
}

func (c *call) zoneJSON(z store.Zone, account store.Account) map[string]any {
	return map[string]any{
		"id": z.ID, "name": z.Name, "status": "active", "paused": z.Paused, "type": z.Type, "development_mode": 0,
		"name_servers": []string{"ada.ns.local.test", "bob.ns.local.test"}, "original_name_servers": []string{},
		"original_registrar": nil, "original_dnshost": nil,
		"created_on": stamp(z.CreatedOn), "modified_on": stamp(z.ModifiedOn), "activated_on": stamp(z.CreatedOn),
		"meta":        map[string]any{"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": false, "cdn_only": false, "dns_only": false, "foundation_dns": false},
		"owner":       map[string]any{"id": nil, "type": "user", "email": nil},
		"account":     map[string]string{"id": account.ID, "name": account.Name},
		"permissions": []string{"#zone:read", "#zone:edit", "#dns_records:read", "#dns_records:edit", "#worker:read", "#worker:edit"},
		"plan":        map[string]any{"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "price": 0, "currency": "USD", "frequency": "", "is_subscribed": false, "can_subscribe": false, "legacy_id": "free", "legacy_discount": false, "externally_managed": false},
	}
}

func (c *call) zones() (any, error) {
	listed := []map[string]any{}
	for _, z := range c.who.Zones {
		account, err := c.who.Account(z.Account)
		if err != nil {
			return nil, err
		}
		if c.token.OpensZone(z) && c.token.May(z.Account, z.ID, zoneRead...) && zoneMatches(c.query.Get("name"), c.query.Get("account.id"), c.query.Get("account.name"), c.query.Get("status"), z, account) {
			listed = append(listed, c.zoneJSON(z, account))
		}
	}
	if c.query.Get("direction") == "desc" {
		slices.Reverse(listed)
	}
	return cut(pages{5, 20, 50}, c.query, listed)
}

func zoneMatches(name, accountID, accountName, status string, z store.Zone, a store.Account) bool {
	if accountID != "" && accountID != a.ID || accountName != "" && accountName != a.Name || status != "" && status != "active" {
		return false
	}
	if name == "" {
		return true
	}
	operator, value, ok := strings.Cut(name, ":")
	if !ok {
		return strings.EqualFold(name, z.Name)
	}
	value = strings.ToLower(value)
	switch operator {
	case "equal":
		return z.Name == value
	case "not_equal":
		return z.Name != value
	case "contains":
		return strings.Contains(z.Name, value)
	case "starts_with":
		return strings.HasPrefix(z.Name, value)
	case "ends_with":
		return strings.HasSuffix(z.Name, value)
	}
	return false
}

func (c *call) addZone() (any, error) {
	var in struct {
		Name    string `json:"name"`
		Type    string `json:"type"`
		Account struct {
			ID string `json:"id"`
		} `json:"account"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	in.Name = strings.ToLower(strings.TrimSuffix(in.Name, "."))
	if !IsDomain(in.Name) {
		return nil, refuse(http.StatusBadRequest, 1001, "Invalid zone name: %q is not a domain.", in.Name)
	}
	if in.Type == "" {
		in.Type = "full"
	}
	z := store.Zone{ID: newID(), Account: in.Account.ID, Name: in.Name, Type: in.Type, CreatedOn: c.now()}
	z.ModifiedOn = z.CreatedOn
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		var err error
		if c.account, err = tx.Account(in.Account.ID); errors.Is(err, store.ErrNotFound) || err == nil && (!c.token.Opens(in.Account.ID) || !c.token.May(in.Account.ID, "*", zoneMake...)) {
			return refuse(http.StatusForbidden, 1068, "Permission denied: account %q.", in.Account.ID)
		}
		if err != nil {
			return err
		}
		if err := tx.AddZone(z); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusBadRequest, 1061, "%s already exists", z.Name)
		} else if err != nil {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.zoneJSON(z, c.account), nil
}

func (c *call) zoneDetails() (any, error) { return c.zoneJSON(c.zone, c.account), nil }

func (c *call) editZone() (any, error) {
	var in struct {
		Paused *bool   `json:"paused"`
		Type   *string `json:"type"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Paused != nil {
		c.zone.Paused = *in.Paused
	}
	if in.Type != nil {
		c.zone.Type = *in.Type
	}
	c.zone.ModifiedOn = c.now()
	err := c.store.Write(c.ctx, func(tx *store.Tx) error { return tx.PutZone(c.zone) })
	return c.zoneJSON(c.zone, c.account), err
}

func (c *call) deleteZone() (any, error) {
	err := c.publish(func(tx *store.Tx) error { return tx.DeleteZone(c.zone) })
	return map[string]string{"id": c.zone.ID}, err
}

// zoneOf is the account's zone that covers a hostname: the longest name that the
// hostname is or ends in.
func zoneOf(tx *store.Tx, account, hostname string) (store.Zone, error) {
	all, err := tx.Zones()
	if err != nil {
		return store.Zone{}, err
	}
	var best store.Zone
	for _, z := range all {
		if z.Account == account && (hostname == z.Name || strings.HasSuffix(hostname, "."+z.Name)) && len(z.Name) > len(best.Name) {
			best = z
		}
	}
	if best.ID == "" {
		return best, store.ErrNotFound
	}
	return best, nil
}

// dnsInput is what a client sends of a record; nil fields were not sent.
type dnsInput struct {
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
	case r.Content == "" && len(r.Data) == 0:
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the record has neither content nor data.")
	case len(r.Name) > 255:
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: the name has %d characters, more than 255.", len(r.Name))
	case r.TTL != 1 && (r.TTL < 60 || r.TTL > 86400):
		return r, refuse(http.StatusBadRequest, 1004, "DNS Validation Error: ttl must be 1 or from 60 to 86400, got %v.", r.TTL)
	}
	return r, nil
}

func dnsJSON(r store.DNSRecord) map[string]any {
	m := map[string]any{
		"id": r.ID, "type": r.Type, "name": r.Name, "content": r.Content, "ttl": r.TTL, "proxied": r.Proxied,
		"proxiable": slices.Contains([]string{"A", "AAAA", "CNAME"}, r.Type), "comment": r.Comment, "tags": r.Tags,
		"settings": map[string]any{}, "meta": map[string]any{"read_only": r.Domain != ""},
		"created_on": stamp(r.CreatedOn), "modified_on": stamp(r.ModifiedOn),
	}
	if r.Tags == nil {
		m["tags"] = []string{}
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

func (c *call) addDNSRecord() (any, error) {
	return c.writeDNSRecord(func(tx *store.Tx) (store.DNSRecord, error) {
		return store.DNSRecord{ID: newID(), Zone: c.zone.ID, CreatedOn: c.now()}, nil
	})
}

func (c *call) replaceDNSRecord() (any, error) {
	return c.writeDNSRecord(func(tx *store.Tx) (store.DNSRecord, error) {
		old, err := c.dnsRecord(tx)
		return store.DNSRecord{ID: old.ID, Zone: old.Zone, CreatedOn: old.CreatedOn, Domain: old.Domain}, err
	})
}

func (c *call) editDNSRecord() (any, error) { return c.writeDNSRecord(c.dnsRecord) }

func (c *call) dnsRecord(tx *store.Tx) (store.DNSRecord, error) {
	all, err := tx.DNSRecords(c.zone.ID)
	if i := slices.IndexFunc(all, func(r store.DNSRecord) bool { return r.ID == c.vars["record_id"] }); err == nil && i >= 0 {
		return all[i], nil
	}
	if err == nil {
		err = refuse(http.StatusNotFound, 81044, "Record does not exist.")
	}
	return store.DNSRecord{}, err
}

func (c *call) writeDNSRecord(base func(*store.Tx) (store.DNSRecord, error)) (any, error) {
	var in dnsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var r store.DNSRecord
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		old, err := base(tx)
		if err != nil {
			return err
		}
		if old.Domain != "" {
			return readOnlyRecord()
		}
		if r, err = in.onto(old, c.zone); err != nil {
			return err
		}
		r.ModifiedOn = c.now()
		all, err := tx.DNSRecords(c.zone.ID)
		if err != nil {
			return err
		}
		for _, other := range all {
			if other.ID == r.ID || other.Name != r.Name {
				continue
			}
			if other.Type == r.Type && other.Content == r.Content {
				return refuse(http.StatusBadRequest, 81058, "An identical record already exists.")
			}
			if addresses := []string{"A", "AAAA", "CNAME"}; (other.Type == "CNAME" || r.Type == "CNAME") && slices.Contains(addresses, other.Type) && slices.Contains(addresses, r.Type) {
				return refuse(http.StatusBadRequest, 81053, "An A, AAAA, or CNAME record with that host already exists.")
			}
		}
		return tx.PutDNSRecord(r)
	})
	if err != nil {
		return nil, err
	}
	return dnsJSON(r), nil
}

func readOnlyRecord() error {
	return refuse(http.StatusBadRequest, 1043, "The record is read-only: it belongs to a custom domain of a Worker.")
}

func (c *call) dnsRecordDetails() (any, error) {
	var r store.DNSRecord
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		r, err = c.dnsRecord(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return dnsJSON(r), nil
}

func (c *call) deleteDNSRecord() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		r, err := c.dnsRecord(tx)
		if err != nil {
			return err
		}
		if r.Domain != "" {
			return readOnlyRecord()
		}
		return tx.DeleteDNSRecord(r.ID)
	})
	return map[string]string{"id": c.vars["record_id"]}, err
}
