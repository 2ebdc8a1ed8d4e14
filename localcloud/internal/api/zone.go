package api

import (
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
