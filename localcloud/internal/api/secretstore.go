package api

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
)

const (
	secretStoresPath  = accountPath + "/secrets_store/stores"
	secretStorePath   = secretStoresPath + "/{store_id}"
	storedSecretsPath = secretStorePath + "/secrets"
	storedSecretPath  = storedSecretsPath + "/{secret_id}"
)

func secretStoreEndpoints() []Endpoint {
	read, write := []string{"Secrets Store Read", "Secrets Store Write"}, []string{"Secrets Store Write"}
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/secrets_store/quota", Permissions: read, handle: (*call).secretQuota},
		{Method: "GET", Pattern: secretStoresPath, Permissions: read, handle: (*call).secretStores},
		{Method: "POST", Pattern: secretStoresPath, Permissions: write, handle: (*call).addSecretStore},
		{Method: "GET", Pattern: secretStorePath, Permissions: read, handle: (*call).secretStore},
		{Method: "DELETE", Pattern: secretStorePath, Permissions: write, handle: (*call).deleteSecretStore},
		{Method: "GET", Pattern: storedSecretsPath, Permissions: read, handle: (*call).storedSecrets},
		{Method: "POST", Pattern: storedSecretsPath, Permissions: write, handle: (*call).addStoredSecrets, body: 16 << 20},
		{Method: "DELETE", Pattern: storedSecretsPath, Permissions: write, handle: (*call).deleteStoredSecrets},
		{Method: "GET", Pattern: storedSecretPath, Permissions: read, handle: (*call).storedSecret},
		{Method: "PATCH", Pattern: storedSecretPath, Permissions: write, handle: (*call).editStoredSecret},
		{Method: "DELETE", Pattern: storedSecretPath, Permissions: write, handle: (*call).deleteStoredSecret},
		{Method: "POST", Pattern: storedSecretPath + "/duplicate", Permissions: write, handle: (*call).duplicateStoredSecret},
	}
}

// Codes of the Secrets Store. Neither the document nor public sources have Cloudflare's.
const (
	codeSecretStore  = 1001 // a name, value or scope that it does not take
	codeNoStored     = 1002
	codeStoredExists = 1003
	codeStoredQuota  = 1004
	codeStoreInUse   = 1005
)

// scopes are the products that a secret can be for.
var scopes = []string{"workers", "ai_gateway", "dex", "access", "containers", "websearch"}

// storeID is how the ids of stores look in bindings; ours have 32 hexadecimal digits.
var storeID = lazyregexp.New(`^[0-9A-Za-z_-]{1,64}$`)

// storedError says in the API's terms what the Secrets Store refuses.
func storedError(err error) error {
	for _, known := range []struct {
		err          error
		status, code int
	}{
		{secretstore.ErrNotFound, http.StatusNotFound, codeNoStored},
		{secretstore.ErrExists, http.StatusConflict, codeStoredExists},
		{secretstore.ErrQuota, http.StatusBadRequest, codeStoredQuota},
		{secretstore.ErrNotEmpty, http.StatusConflict, codeStoreInUse},
	} {
		if errors.Is(err, known.err) {
			return refuse(known.status, known.code, "%s", err)
		}
	}
	return err
}

func secretStoreJSON(s secretstore.Store) map[string]any {
	return map[string]any{"id": s.ID, "account_id": s.Account, "name": s.Name, "created": stamp(s.Created), "modified": stamp(s.Modified)}
}

func storedSecretJSON(s secretstore.Secret) map[string]any {
	return map[string]any{
		"id": s.ID, "store_id": s.Store, "name": s.Name, "comment": s.Comment, "scopes": s.Scopes, "status": "active",
		"created": stamp(s.Created), "modified": stamp(s.Modified),
	}
}

func (c *call) secretQuota() (any, error) {
	n, err := c.stored.Used(c.ctx, c.account.ID)
	return map[string]any{"secrets": map[string]int{"quota": secretstore.Quota, "usage": n}}, err
}

func (c *call) secretStores() (any, error) {
	all, err := c.stored.List(c.ctx, c.account.ID)
	if err != nil {
		return nil, err
	}
	return listed(c, all, secretStoreJSON, func(a, b secretstore.Store) int {
		return c.ordered(a.Name, b.Name, a.Created.Compare(b.Created), a.Modified.Compare(b.Modified))
	})
}

// listed is the page of a sorted list that is asked for.
func listed[T any](c *call, all []T, shown func(T) map[string]any, compare func(a, b T) int) (any, error) {
	slices.SortStableFunc(all, compare)
	if c.query.Get("direction") == "desc" {
		slices.Reverse(all)
	}
	out := make([]map[string]any, 0, len(all))
	for _, one := range all {
		out = append(out, shown(one))
	}
	return cut(pages{1, 20, 100}, c.query, out)
}

// ordered compares by what the query says, else by the names.
func (c *call) ordered(a, b string, created, modified int) int {
	switch c.query.Get("order") {
	case "created":
		return cmp.Or(created, cmp.Compare(a, b))
	case "modified":
		return cmp.Or(modified, cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func (c *call) addSecretStore() (any, error) {
	var in struct{ Name string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !secretstore.ValidName(in.Name) {
		return nil, refuse(http.StatusBadRequest, codeSecretStore, "A store's name is letters, digits, _ and -, got %q.", in.Name)
	}
	made, err := c.stored.Make(c.ctx, c.account.ID, in.Name)
	return secretStoreJSON(made), storedError(err)
}

func (c *call) secretStore() (any, error) {
	s, err := c.stored.Find(c.ctx, c.account.ID, c.vars["store_id"])
	return secretStoreJSON(s), storedError(err)
}

func (c *call) deleteSecretStore() (any, error) {
	return nil, storedError(c.stored.Remove(c.ctx, c.account.ID, c.vars["store_id"], c.query.Get("force") == "true"))
}

func (c *call) storedSecrets() (any, error) {
	all, err := c.stored.Secrets(c.ctx, c.account.ID, c.vars["store_id"])
	if err != nil {
		return nil, storedError(err)
	}
	search := strings.ToLower(c.query.Get("search"))
	all = slices.DeleteFunc(all, func(s secretstore.Secret) bool {
		found := strings.Contains(strings.ToLower(s.Name), search) || strings.Contains(strings.ToLower(s.Comment), search)
		return !found || slices.ContainsFunc(c.query["scopes"], func(scope string) bool { return !slices.Contains(s.Scopes, scope) })
	})
	return listed(c, all, storedSecretJSON, func(a, b secretstore.Secret) int {
		return c.ordered(a.Name, b.Name, a.Created.Compare(b.Created), a.Modified.Compare(b.Modified))
	})
}

// storedInput is what a client says of a secret; nil fields stay.
type storedInput struct {
	Name    string    `json:"name"`
	Value   *string   `json:"value"`
	Scopes  *[]string `json:"scopes"`
	Comment *string   `json:"comment"`
}

func (in storedInput) check() error {
	if in.Value != nil && (*in.Value == "" || len(*in.Value) > secretstore.MaxValue) {
		return refuse(http.StatusBadRequest, codeSecretStore, "A secret's value has 1 to %d bytes, got %d.", secretstore.MaxValue, len(*in.Value))
	}
	if in.Scopes == nil {
		return nil
	}
	for _, scope := range *in.Scopes {
		if !slices.Contains(scopes, scope) {
			return refuse(http.StatusBadRequest, codeSecretStore, "A secret has no scope %q; scopes are %s.", scope, strings.Join(scopes, ", "))
		}
	}
	return nil
}

// named checks a secret that is made.
func (in storedInput) named() error {
	switch {
	case !secretstore.ValidName(in.Name):
		return refuse(http.StatusBadRequest, codeSecretStore, "A secret's name is up to 255 letters, digits, _ and -, got %q.", in.Name)
	case in.Scopes == nil:
		return refuse(http.StatusBadRequest, codeSecretStore, "The secret %q has no scopes.", in.Name)
	}
	return in.check()
}

// onto changes a secret.
func (in storedInput) onto(n *secretstore.New) {
	if in.Value != nil {
		n.Value = *in.Value
	}
	if in.Scopes != nil {
		n.Scopes = slices.Clip(append([]string{}, *in.Scopes...))
	}
	if in.Comment != nil {
		n.Comment = *in.Comment
	}
}

func (c *call) addStoredSecrets() (any, error) {
	var in []storedInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var all []secretstore.New
	for _, one := range in {
		if err := one.named(); err != nil {
			return nil, err
		}
		if one.Value == nil {
			return nil, refuse(http.StatusBadRequest, codeSecretStore, "The secret %q has no value.", one.Name)
		}
		n := secretstore.New{Secret: secretstore.Secret{Name: one.Name}}
		one.onto(&n)
		all = append(all, n)
	}
	made, err := c.stored.Add(c.ctx, c.account.ID, c.vars["store_id"], all)
	if err != nil {
		return nil, storedError(err)
	}
	out := make([]map[string]any, 0, len(made))
	for _, one := range made {
		out = append(out, storedSecretJSON(one))
	}
	return out, nil
}

func (c *call) storedSecret() (any, error) {
	s, err := c.stored.Secret(c.ctx, c.account.ID, c.vars["store_id"], c.vars["secret_id"])
	return storedSecretJSON(s), storedError(err)
}

func (c *call) editStoredSecret() (any, error) {
	var in storedInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	s, err := c.stored.Change(c.ctx, c.account.ID, c.vars["store_id"], c.vars["secret_id"], in.onto)
	return storedSecretJSON(s), storedError(err)
}

func (c *call) duplicateStoredSecret() (any, error) {
	var in storedInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := in.named(); err != nil {
		return nil, err
	}
	as := secretstore.New{Secret: secretstore.Secret{Name: in.Name}}
	in.onto(&as)
	s, err := c.stored.Duplicate(c.ctx, c.account.ID, c.vars["store_id"], c.vars["secret_id"], as.Secret)
	return storedSecretJSON(s), storedError(err)
}

func (c *call) deleteStoredSecret() (any, error) { return c.deleteStored(c.vars["secret_id"]) }

func (c *call) deleteStoredSecrets() (any, error) {
	var in []struct{ ID string }
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var ids []string
	for _, one := range in {
		ids = append(ids, one.ID)
	}
	return c.deleteStored(ids...)
}

func (c *call) deleteStored(ids ...string) (any, error) {
	err := c.stored.Delete(c.ctx, c.account.ID, c.vars["store_id"], ids)
	return reply{status: http.StatusAccepted}, storedError(err)
}
