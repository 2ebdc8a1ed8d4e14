package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func identityEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: "/user", Permissions: userRead, handle: (*call).user},
		{Method: "GET", Pattern: "/memberships", Permissions: memberships, handle: (*call).memberships},
		{Method: "GET", Pattern: "/accounts", handle: (*call).accounts},
		{Method: "GET", Pattern: accountPath, handle: (*call).accountDetails},
	}
}

// The one person of a local cloud.
const (
	localEmail = "local@clodo.invalid"
	localUser  = "c10d0000000000000000000000000001"
)

func (c *call) user() (any, error) {
	return map[string]any{
		"id": localUser, "email": localEmail, "first_name": nil, "last_name": nil, "telephone": nil, "country": nil, "zipcode": nil,
		"two_factor_authentication_enabled": false, "two_factor_authentication_locked": false, "suspended": false,
		"has_pro_zones": false, "has_business_zones": false, "has_enterprise_zones": false,
		"betas": []string{}, "organizations": []any{},
	}, nil
}

func accountJSON(a store.Account) map[string]any {
	return map[string]any{
		"id": a.ID, "name": a.Name, "type": "standard", "created_on": stamp(a.CreatedOn),
		"settings": map[string]any{"enforce_twofactor": false},
	}
}

// reachable are the accounts that the token opens.
func (c *call) reachable() []store.Account {
	return slices.DeleteFunc(slices.Clone(c.who.Accounts), func(a store.Account) bool { return !c.token.Opens(a.ID) })
}

func (c *call) accounts() (any, error) {
	listed := []map[string]any{}
	for _, a := range c.reachable() {
		if name := c.query.Get("name"); name == "" || name == a.Name {
			listed = append(listed, accountJSON(a))
		}
	}
	if c.query.Get("direction") == "desc" {
		slices.Reverse(listed)
	}
	return cut(pages{5, 20, 50}, c.query, listed)
}

func (c *call) accountDetails() (any, error) { return accountJSON(c.account), nil }

func (c *call) memberships() (any, error) {
	listed := []map[string]any{}
	for _, a := range c.reachable() {
		if name := c.query.Get("account.name"); name != "" && name != a.Name {
			continue
		}
		if s := c.query.Get("status"); s != "" && s != "accepted" {
			continue
		}
		listed = append(listed, map[string]any{
			"id": reverse(a.ID), "status": "accepted", "roles": []string{"Super Administrator - All Privileges"},
			"account": accountJSON(a), "permissions": map[string]any{}, "api_access_enabled": nil,
		})
	}
	return cut(pages{5, 20, 50}, c.query, listed)
}

// reverse makes one id from another, the same at every call.
func reverse(id string) string {
	b := []byte(id)
	slices.Reverse(b)
	return string(b)
}

func (c *call) accountSettings() (any, error) {
	return map[string]any{"default_usage_model": "standard", "green_compute": false}, nil
}

// Subdomain of workers.dev.

func (c *call) subdomain() (any, error) {
	if c.account.Subdomain == "" {
		return nil, refuse(http.StatusNotFound, 10007, "This account has no workers.dev subdomain.")
	}
	return map[string]string{"subdomain": c.account.Subdomain}, nil
}

func (c *call) putSubdomain() (any, error) {
	var in struct {
		Subdomain string `json:"subdomain"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !isLabel(in.Subdomain) {
		return nil, refuse(http.StatusBadRequest, 10033, "Subdomain %q must be lower-case letters, digits and hyphens, up to 63.", in.Subdomain)
	}
	err := c.publish(func(tx *store.Tx) error {
		taken, err := subdomainTaken(tx, in.Subdomain, c.account.ID)
		if err != nil {
			return err
		}
		if taken {
			return refuse(http.StatusConflict, 10031, "Subdomain %q is not available.", in.Subdomain)
		}
		c.account.Subdomain = in.Subdomain
		return tx.PutAccount(c.account)
	})
	return map[string]string{"subdomain": in.Subdomain}, err
}

// subdomainIsFree answers with an error either way, as Cloudflare does.
func (c *call) subdomainIsFree() (any, error) {
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		taken, err := subdomainTaken(tx, c.vars["subdomain"], "")
		if err == nil && taken {
			err = refuse(http.StatusConflict, 10031, "Subdomain is unavailable, please try a different subdomain")
		}
		return err
	})
	if err == nil {
		err = refuse(http.StatusNotFound, 10032, "Subdomain is available but not configured")
	}
	return nil, err
}

func subdomainTaken(tx *store.Tx, name, except string) (bool, error) {
	all, err := tx.Accounts()
	return slices.ContainsFunc(all, func(a store.Account) bool { return a.ID != except && a.Subdomain == name }), err
}

// isLabel reports whether s can be one part of a hostname.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}) < 0
}
