package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// tokenEndpoints are twice the same: tokens of the user, and of an account.
func tokenEndpoints() []Endpoint {
	var table []Endpoint
	for _, of := range []struct {
		path        string
		read, write []string
	}{{"/user/tokens", tokensRead, tokensWrite}, {accountPath + "/tokens", ownTokens, ownTokensSet}} {
		one := of.path + "/{token_id}"
		table = append(
			table,
			Endpoint{Method: "GET", Pattern: of.path, Permissions: of.read, handle: (*call).tokens},
			Endpoint{Method: "POST", Pattern: of.path, Permissions: of.write, handle: (*call).addToken},
			Endpoint{Method: "GET", Pattern: of.path + "/verify", handle: (*call).verifyToken},
			Endpoint{Method: "GET", Pattern: of.path + "/permission_groups", Permissions: of.read, handle: (*call).permissionGroups},
			Endpoint{Method: "GET", Pattern: one, Permissions: of.read, handle: (*call).tokenDetails},
			Endpoint{Method: "PUT", Pattern: one, Permissions: of.write, handle: (*call).editToken},
			Endpoint{Method: "DELETE", Pattern: one, Permissions: of.write, handle: (*call).deleteToken},
			Endpoint{Method: "PUT", Pattern: one + "/value", Permissions: of.write, handle: (*call).rollToken},
		)
	}
	return table
}

// SettingToken is where the store keeps the value of the token that opens everything.
const SettingToken = "api_token"

func (c *call) verifyToken() (any, error) {
	result := map[string]any{"id": c.token.ID, "status": c.tokenStatus(c.token)}
	addTimes(result, c.token)
	out := reply{result: result}
	if c.token.Usable(c.clock.Now()) {
		out.messages = []message{{Code: 10000, Message: "This API Token is valid and active"}}
	}
	return out, nil
}

func (c *call) tokenStatus(t store.Token) string {
	switch {
	case t.Disabled:
		return "disabled"
	case t.Expired(c.clock.Now()):
		return "expired"
	}
	return "active"
}

func addTimes(m map[string]any, t store.Token) {
	for name, at := range map[string]time.Time{"expires_on": t.ExpiresOn, "not_before": t.NotBefore} {
		if !at.IsZero() {
			m[name] = at.UTC().Format(time.RFC3339)
		}
	}
}

func (c *call) tokenJSON(t store.Token) map[string]any {
	name := t.Name
	if name == "" {
		name = "seeded"
	}
	policies := []any{}
	for _, p := range t.Policies {
		policies = append(policies, policyJSON(p))
	}
	if t.Policies == nil {
		policies = append(policies, policyJSON(seededPolicy(t)))
	}
	m := map[string]any{
		"id": t.ID, "name": name, "status": c.tokenStatus(t), "policies": policies,
		"issued_on": t.CreatedOn.UTC().Format(time.RFC3339), "modified_on": t.ModifiedOn.UTC().Format(time.RFC3339),
	}
	addTimes(m, t)
	return m
}

// seededPolicy says what a token that was seeded may do in the words of a policy.
func seededPolicy(t store.Token) store.Policy {
	p := store.Policy{ID: reverse(t.ID), Groups: t.Groups}
	if p.Groups == nil {
		p.Groups = Groups()
	}
	accounts := t.Accounts
	if accounts == nil {
		accounts = []string{"*"}
	}
	for _, a := range accounts {
		p.Resources = append(p.Resources, store.Resource{Name: store.AccountResource + a})
	}
	return p
}

func policyJSON(p store.Policy) map[string]any {
	groups := []any{}
	for _, name := range p.Groups {
		groups = append(groups, map[string]any{"id": groupID(name), "name": name})
	}
	resources := map[string]any{}
	for _, r := range p.Resources {
		if r.In == "" {
			resources[r.Name] = "*"
			continue
		}
		inner, ok := resources[r.In].(map[string]any)
		if !ok {
			inner = map[string]any{}
			resources[r.In] = inner
		}
		inner[r.Name] = "*"
	}
	effect := "allow"
	if p.Deny {
		effect = "deny"
	}
	return map[string]any{"id": p.ID, "effect": effect, "permission_groups": groups, "resources": resources}
}

// groupID makes the id of a permission group from its name: the same on every local
// cloud, and another one than Cloudflare's, which is not published.
func groupID(name string) string {
	sum := sha256.Sum256([]byte("permission group " + name))
	return hex.EncodeToString(sum[:16])
}

func groupScope(name string) string {
	for _, part := range []string{"Zone ", "DNS ", "Workers Routes "} {
		if strings.HasPrefix(name, part) {
			return "com.cloudflare.api.account.zone"
		}
	}
	for _, part := range []string{"User ", "Memberships ", "API Tokens "} {
		if strings.HasPrefix(name, part) {
			return "com.cloudflare.api.user"
		}
	}
	return "com.cloudflare.api.account"
}

func (c *call) permissionGroups() (any, error) {
	listed := []map[string]any{}
	wanted := func(parameter, value string) bool {
		filter := c.query.Get(parameter)
		// The document wants the value encoded, and Terraform's provider encodes it again.
		decoded, err := url.PathUnescape(filter)
		return is(filter, value) || err == nil && is(decoded, value)
	}
	for _, name := range Groups() {
		scope := groupScope(name)
		if wanted("name", name) && wanted("scope", scope) {
			listed = append(listed, map[string]any{"id": groupID(name), "name": name, "scopes": []string{scope}})
		}
	}
	return listed, nil
}

func (c *call) tokens() (any, error) {
	listed := []map[string]any{}
	for _, t := range c.who.Tokens {
		if t.Owner == c.account.ID {
			listed = append(listed, c.tokenJSON(t))
		}
	}
	if c.query.Get("direction") == "desc" {
		slices.Reverse(listed)
	}
	return cut(pages{5, 20, 50}, c.query, listed)
}

// tokenInput is what a client says of a token; nil fields were not sent.
type tokenInput struct {
	Name     string `json:"name"`
	Status   string `json:"status"`
	Policies []struct {
		Effect string `json:"effect"`
		Groups []struct {
			ID string `json:"id"`
		} `json:"permission_groups"`
		Resources map[string]json.RawMessage `json:"resources"`
	} `json:"policies"`
	ExpiresOn *time.Time `json:"expires_on"`
	NotBefore *time.Time `json:"not_before"`
}

func badToken(format string, args ...any) error {
	return refuse(http.StatusBadRequest, 1001, format, args...)
}

// onto writes what was sent over a token.
func (c *call) onto(t store.Token, in tokenInput) (store.Token, error) {
	switch {
	case in.Name == "" || len(in.Name) > 120:
		return t, badToken("A token needs a name of 1 to 120 characters.")
	case len(in.Policies) == 0:
		return t, badToken("A token needs at least one policy.")
	case in.Status != "" && in.Status != "active" && in.Status != "disabled":
		return t, badToken("The status of a token is set to active or disabled, not to %q.", in.Status)
	}
	t.Name, t.Disabled, t.ModifiedOn = in.Name, in.Status == "disabled", c.now()
	t.ExpiresOn, t.NotBefore = time.Time{}, time.Time{}
	if in.ExpiresOn != nil {
		if t.ExpiresOn = in.ExpiresOn.UTC(); !t.ExpiresOn.After(c.clock.Now()) {
			return t, badToken("The token would be expired: expires_on is %s.", in.ExpiresOn.Format(time.RFC3339))
		}
	}
	if in.NotBefore != nil {
		t.NotBefore = in.NotBefore.UTC()
	}
	byID := map[string]string{}
	for _, name := range Groups() {
		byID[groupID(name)] = name
	}
	t.Policies = []store.Policy{}
	for _, p := range in.Policies {
		if p.Effect != "allow" && p.Effect != "deny" {
			return t, badToken("The effect of a policy is allow or deny, not %q.", p.Effect)
		}
		policy := store.Policy{ID: newID(), Deny: p.Effect == "deny"}
		for _, g := range p.Groups {
			name, known := byID[g.ID]
			if !known {
				return t, badToken("There is no permission group %q; the local cloud's own ids are at %s/permission_groups.", g.ID, Prefix+"/user/tokens")
			}
			policy.Groups = append(policy.Groups, name)
		}
		var err error
		if policy.Resources, err = resources(p.Resources); err != nil {
			return t, err
		}
		if len(policy.Groups) == 0 || len(policy.Resources) == 0 {
			return t, badToken("A policy needs permission_groups and resources.")
		}
		for _, r := range policy.Resources {
			if own := store.AccountResource + t.Owner; t.Owner != "" && r.Name != own && r.In != own && !strings.HasPrefix(r.Name, store.ZoneResource) {
				return t, badToken("A token of an account opens nothing outside of it: %s.", r.Name)
			}
		}
		t.Policies = append(t.Policies, policy)
	}
	return t, nil
}

// resources reads the two forms that resources have: names with a star, or an account
// with the zones in it.
func resources(in map[string]json.RawMessage) ([]store.Resource, error) {
	var out []store.Resource
	for name, raw := range in {
		if !strings.HasPrefix(name, store.AccountResource) && !strings.HasPrefix(name, store.UserResource) {
			return nil, badToken("%q is no resource: those are %sID, %sID and %sID, or a star for the id.", name, store.AccountResource, store.ZoneResource, store.UserResource)
		}
		var star string
		if json.Unmarshal(raw, &star) == nil && star == "*" {
			out = append(out, store.Resource{Name: name})
			continue
		}
		var inner map[string]string
		if json.Unmarshal(raw, &inner) != nil || len(inner) == 0 {
			return nil, badToken("Resource %q is \"*\" or an object of resources in it.", name)
		}
		for sub := range inner {
			if !strings.HasPrefix(sub, store.ZoneResource) {
				return nil, badToken("%q in %q is no zone's resource.", sub, name)
			}
			out = append(out, store.Resource{Name: sub, In: name})
		}
	}
	slices.SortFunc(out, func(a, b store.Resource) int { return strings.Compare(a.In+a.Name, b.In+b.Name) })
	return out, nil
}

func (c *call) addToken() (any, error) {
	var in tokenInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t, err := c.onto(store.Token{ID: newID(), Value: TokenPrefix + newID(), Owner: c.account.ID, CreatedOn: c.now()}, in)
	if err != nil {
		return nil, err
	}
	if err := c.store.Write(c.ctx, func(tx *store.Tx) error { return tx.PutToken(t) }); err != nil {
		return nil, err
	}
	m := c.tokenJSON(t)
	m["value"] = t.Value // this once
	return m, nil
}

// theToken is the one of the path.
func (c *call) theToken(tx *store.Tx) (store.Token, error) {
	all, err := tx.Tokens()
	if err != nil {
		return store.Token{}, err
	}
	i := slices.IndexFunc(all, func(t store.Token) bool { return t.ID == c.vars["token_id"] && t.Owner == c.account.ID })
	if i < 0 {
		return store.Token{}, refuse(http.StatusNotFound, 1003, "There is no token %q.", c.vars["token_id"])
	}
	return all[i], nil
}

func (c *call) tokenDetails() (any, error) {
	var t store.Token
	err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		t, err = c.theToken(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return c.tokenJSON(t), nil
}

// changeToken edits a token; the one that opens everything stays as it is, since who
// has it must be able to stop the cloud.
func (c *call) changeToken(edit func(*store.Tx, store.Token) (store.Token, error)) (store.Token, error) {
	var t store.Token
	err := c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
		if t, err = c.theToken(tx); err != nil {
			return err
		}
		var master string
		if err := tx.Setting(SettingToken, &master); err == nil && master == t.Value {
			return refuse(http.StatusForbidden, 10000, "The token that opens everything on this local cloud cannot be changed: its owner could not stop the cloud.")
		}
		t, err = edit(tx, t)
		return err
	})
	return t, err
}

func (c *call) editToken() (any, error) {
	var in tokenInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	t, err := c.changeToken(func(tx *store.Tx, t store.Token) (store.Token, error) {
		t, err := c.onto(t, in)
		if err != nil {
			return t, err
		}
		return t, tx.PutToken(t)
	})
	if err != nil {
		return nil, err
	}
	return c.tokenJSON(t), nil
}

func (c *call) deleteToken() (any, error) {
	t, err := c.changeToken(func(tx *store.Tx, t store.Token) (store.Token, error) { return t, tx.DeleteToken(t.Value) })
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": t.ID}, nil
}

// rollToken gives a token another value; the old one opens nothing any more.
func (c *call) rollToken() (any, error) {
	t, err := c.changeToken(func(tx *store.Tx, t store.Token) (store.Token, error) {
		if err := tx.DeleteToken(t.Value); err != nil {
			return t, err
		}
		t.Value, t.ModifiedOn = TokenPrefix+newID(), c.now()
		return t, tx.PutToken(t)
	})
	if err != nil {
		return nil, err
	}
	return t.Value, nil
}
