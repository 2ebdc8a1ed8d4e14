package localcloud

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
)

// PutSecret gives a secret of the Secrets Store its value. store is the id that bindings
// have for the store, which is made when it is missing.
func (d *Data) PutSecret(ctx context.Context, store, name, value string) error {
	s, err := storeOf[*secretstore.Stores](d, "secret")
	if err != nil {
		return err
	}
	_, err = putSecret(ctx, s, programAccount, store, name, value)
	return err
}

// PutSecret gives a secret of the Secrets Store of the first account its value. store is
// the id that bindings have for the store, which is made when it is missing.
func (c *Cloud) PutSecret(ctx context.Context, store, name, value string) error {
	_, err := putSecret(ctx, c.storage.secrets, c.Info().AccountID, store, name, value)
	return err
}

func putSecret(ctx context.Context, s *secretstore.Stores, account, store, name, value string) (changed bool, err error) {
	if !secretstore.ValidName(name) {
		return false, fmt.Errorf("a secret cannot be called %q", name)
	}
	if len(value) > secretstore.MaxValue {
		return false, fmt.Errorf("the secret %s has %d bytes, more than %d", name, len(value), secretstore.MaxValue)
	}
	return s.Put(ctx, account, store, name, value)
}

// storedSecretPath is where a secret of the Secrets Store is set by its name.
const storedSecretPath = "/local/accounts/{account_id}/secrets_store/stores/{store_id}/secrets/{name}"

// storedSecret is the body of a PUT there.
type storedSecret struct {
	Value string `json:"value"`
}

// secretState is what is told of it: whether Workers can read it, and whether this call
// changed it.
type secretState struct {
	Readable bool `json:"readable"`
	Changed  bool `json:"changed"`
}

func (c *Cloud) putStoredSecret(w http.ResponseWriter, r *http.Request) {
	var in storedSecret
	if !read(w, r, &in) {
		return
	}
	store := r.PathValue("store_id")
	if !secretstore.ValidName(store) {
		done(w, fmt.Errorf("a store cannot have the id %q", store))
		return
	}
	changed, err := putSecret(r.Context(), c.storage.secrets, r.PathValue("account_id"), store, r.PathValue("name"), in.Value)
	if done(w, err) {
		answer(w, http.StatusOK, secretState{Readable: true, Changed: changed})
	}
}

func (c *Cloud) askStoredSecret(w http.ResponseWriter, r *http.Request) {
	readable, err := c.storage.secrets.Readable(r.Context(), r.PathValue("account_id"), r.PathValue("store_id"), r.PathValue("name"))
	if done(w, err) {
		answer(w, http.StatusOK, secretState{Readable: readable})
	}
}

// StoredSecret is a secret of the Secrets Store of an account, by its name there. Store is
// the id that bindings have for the store.
type StoredSecret struct{ Account, Store, Name string }

func (s StoredSecret) path() string {
	return strings.NewReplacer("{account_id}", url.PathEscape(s.Account), "{store_id}", url.PathEscape(s.Store), "{name}", url.PathEscape(s.Name)).Replace(storedSecretPath)
}

// PutStoredSecret gives a secret its value in the running cloud that info describes, and makes
// its store when it is missing. It reports whether the value was another one before, or none.
func PutStoredSecret(ctx context.Context, info Info, s StoredSecret, value string) (changed bool, err error) {
	var state secretState
	err = control(ctx, info.API, info.APIToken, http.MethodPut, s.path(), storedSecret{value}, &state)
	return state.Changed, err
}

// HasStoredSecret reports whether Workers of the running cloud that info describes can read a
// secret.
func HasStoredSecret(ctx context.Context, info Info, s StoredSecret) (bool, error) {
	var state secretState
	err := control(ctx, info.API, info.APIToken, http.MethodGet, s.path(), nil, &state)
	return state.Readable, err
}
