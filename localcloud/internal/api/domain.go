package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func domainEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/workers/domains", Permissions: workersRead, handle: (*call).domains},
		{Method: "PUT", Pattern: accountPath + "/workers/domains", Permissions: scriptsWrite, handle: (*call).putDomain},
		{Method: "GET", Pattern: accountPath + "/workers/domains/{domain_id}", Permissions: workersRead, handle: (*call).domainDetails},
		{Method: "DELETE", Pattern: accountPath + "/workers/domains/{domain_id}", Permissions: scriptsWrite, handle: (*call).deleteDomain},
		{Method: "GET", Pattern: accountPath + "/workers/domains/records/{domain_id}", Permissions: scriptsRead, handle: (*call).domainDetails},
		{Method: "POST", Pattern: scriptPath + "/domains/changeset", Permissions: scriptsWrite, handle: (*call).domainChanges},
		{Method: "PUT", Pattern: scriptPath + "/domains/records", Permissions: scriptsWrite, handle: (*call).putScriptDomains},
	}
}

func domainJSON(d store.Domain) map[string]any {
	return map[string]any{
		"id": d.ID, "hostname": d.Hostname, "service": d.Script, "environment": "production",
		"zone_id": d.Zone, "zone_name": d.ZoneName, "cert_id": d.CertID,
	}
}

type domainInput struct {
	Hostname          string `json:"hostname"`
	Service           string `json:"service"`
	ZoneID            string `json:"zone_id"`
	ZoneName          string `json:"zone_name"`
	OverrideOrigin    bool   `json:"override_existing_origin"`
	OverrideDNSRecord bool   `json:"override_existing_dns_record"`
}

func (c *call) domains() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Domains(c.account.ID)
		q := c.query
		for _, d := range all {
			if is(q.Get("zone_id"), d.Zone) && is(q.Get("zone_name"), d.ZoneName) && is(q.Get("service"), d.Script) && is(q.Get("hostname"), d.Hostname) && is(q.Get("environment"), "production") {
				listed = append(listed, domainJSON(d))
			}
		}
		return err
	})
	return listed, err
}

// is reports whether a filter that may be empty lets a value through.
func is(filter, value string) bool { return filter == "" || strings.EqualFold(filter, value) }

func (c *call) domain(tx *store.Tx) (store.Domain, error) {
	all, err := tx.Domains(c.account.ID)
	if err != nil {
		return store.Domain{}, err
	}
	i := slices.IndexFunc(all, func(d store.Domain) bool { return d.ID == c.vars["domain_id"] })
	if i < 0 {
		return store.Domain{}, refuse(http.StatusNotFound, 100114, "This account has no custom domain %q.", c.vars["domain_id"])
	}
	return all[i], nil
}

func (c *call) domainDetails() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		d, err := c.domain(tx)
		result = domainJSON(d)
		return err
	})
	return result, err
}

func (c *call) putDomain() (any, error) {
	var in domainInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var d store.Domain
	err := c.publish(func(tx *store.Tx) (err error) {
		d, err = c.attach(tx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return domainJSON(d), nil
}

// plan finds the zone of a hostname and what stands in its way.
func (c *call) planDomain(tx *store.Tx, in domainInput) (d store.Domain, before *store.Domain, conflicts []store.DNSRecord, err error) {
	hostname := strings.ToLower(strings.TrimSuffix(in.Hostname, "."))
	switch {
	case hostname == "":
		return d, nil, nil, refuse(http.StatusBadRequest, 100111, "A custom domain needs a hostname.")
	case !isHostname(hostname):
		return d, nil, nil, refuse(http.StatusBadRequest, 100113, "%q is not a hostname.", in.Hostname)
	}
	zone, err := zoneOf(tx, c.account.ID, hostname)
	if errors.Is(err, store.ErrNotFound) || err == nil && (!is(in.ZoneID, zone.ID) || !is(in.ZoneName, zone.Name)) {
		return d, nil, nil, refuse(http.StatusBadRequest, 100112, "Hostname %q is in no zone of this account that was named or found.", hostname)
	}
	if err != nil {
		return d, nil, nil, err
	}
	d = store.Domain{ID: newID(), Hostname: hostname, Account: c.account.ID, Zone: zone.ID, ZoneName: zone.Name, Script: in.Service, CertID: newUUID(), CreatedOn: c.now()}
	old, err := tx.DomainOf(hostname)
	if err == nil {
		before, d.ID, d.CertID, d.CreatedOn = &old, old.ID, old.CertID, old.CreatedOn
	} else if !errors.Is(err, store.ErrNotFound) {
		return d, nil, nil, err
	}
	records, err := tx.DNSRecords(zone.ID)
	for _, r := range records {
		if r.Name == hostname && r.Domain == "" && slices.Contains([]string{"A", "AAAA", "CNAME"}, r.Type) {
			conflicts = append(conflicts, r)
		}
	}
	return d, before, conflicts, err
}

// attach gives a hostname to a Worker.
func (c *call) attach(tx *store.Tx, in domainInput) (store.Domain, error) {
	if _, err := tx.Script(c.account.ID, in.Service); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return store.Domain{}, refuse(http.StatusNotFound, 10007, "Worker %q does not exist on your account.", in.Service)
		}
		return store.Domain{}, err
	}
	d, before, conflicts, err := c.planDomain(tx, in)
	if err != nil {
		return d, err
	}
	if before != nil && before.Script != d.Script && !in.OverrideOrigin {
		return d, refuse(http.StatusConflict, 100116, "Hostname %q is a custom domain of Worker %q already. Use override_existing_origin to move it.", d.Hostname, before.Script)
	}
	if len(conflicts) > 0 && !in.OverrideDNSRecord {
		return d, refuse(http.StatusConflict, 100117, "Hostname '%s' already has externally managed DNS records (A, CNAME, etc). Delete them, or use override_existing_dns_record to override.", d.Hostname)
	}
	for _, r := range conflicts {
		if err := tx.DeleteDNSRecord(r.ID); err != nil {
			return d, err
		}
	}
	if before == nil {
		if err := c.checkDomainCount(tx, d); err != nil {
			return d, err
		}
		record := store.DNSRecord{
			ID: newID(), Zone: d.Zone, Type: "AAAA", Name: d.Hostname, Content: "100::", TTL: 1, Proxied: true, Domain: d.ID,
			CreatedOn: c.now(), ModifiedOn: c.now(),
		}
		if err := tx.PutDNSRecord(record); err != nil {
			return d, err
		}
	}
	return d, tx.PutDomain(d)
}

// detach takes a custom domain and its DNS record away.
func detach(tx *store.Tx, d store.Domain) error {
	records, err := tx.DNSRecords(d.Zone)
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Domain == d.ID {
			if err := tx.DeleteDNSRecord(r.ID); err != nil {
				return err
			}
		}
	}
	return tx.DeleteDomain(d.ID)
}

// dropDomainRecords detaches all custom domains of a Worker.
func dropDomainRecords(tx *store.Tx, s store.Script) error {
	all, err := tx.Domains(s.Account)
	if err != nil {
		return err
	}
	for _, d := range all {
		if d.Script == s.Name {
			if err := detach(tx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *call) deleteDomain() (any, error) {
	err := c.publish(func(tx *store.Tx) error {
		d, err := c.domain(tx)
		if err != nil {
			return err
		}
		return detach(tx, d)
	})
	return nil, err
}

// domainChanges says what putScriptDomains would do with these hostnames.
func (c *call) domainChanges() (any, error) {
	var in []domainInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	added, removed, updated, conflicting := []any{}, []any{}, []any{}, []any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		wanted := map[string]bool{}
		for _, one := range in {
			one.Service = s.Name
			d, before, conflicts, err := c.planDomain(tx, one)
			if err != nil {
				return err
			}
			wanted[d.Hostname] = true
			m := domainJSON(d)
			switch {
			case len(conflicts) > 0:
				m["external_dns_record_id"] = conflicts[0].ID
				conflicting = append(conflicting, m)
			case before == nil:
				added = append(added, m)
			default:
				m["modified"] = before.Script != s.Name
				updated = append(updated, m)
			}
		}
		all, err := tx.Domains(c.account.ID)
		for _, d := range all {
			if d.Script == s.Name && !wanted[d.Hostname] && c.query.Get("replace_state") == "true" {
				removed = append(removed, domainJSON(d))
			}
		}
		return err
	})
	return map[string]any{"added": added, "removed": removed, "updated": updated, "conflicting": conflicting}, err
}

// putScriptDomains makes the given hostnames all the custom domains a Worker has.
func (c *call) putScriptDomains() (any, error) {
	var in struct {
		domainInput
		Origins []domainInput `json:"origins"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	err := c.publish(func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		kept := map[string]bool{}
		for _, one := range in.Origins {
			one.Service, one.OverrideOrigin, one.OverrideDNSRecord = s.Name, in.OverrideOrigin, in.OverrideDNSRecord
			d, err := c.attach(tx, one)
			if err != nil {
				return err
			}
			kept[d.ID] = true
		}
		all, err := tx.Domains(c.account.ID)
		if err != nil {
			return err
		}
		for _, d := range all {
			if d.Script == s.Name && !kept[d.ID] {
				if err := detach(tx, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return nil, err
}
