package localcloud

import (
	"context"
	"fmt"

	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
)

// PutSecret gives a secret of the Secrets Store its value. store is the id that bindings
// have for the store, which is made when it is missing.
func (d *Data) PutSecret(ctx context.Context, store, name, value string) error {
	s, err := storeOf[*secretstore.Stores](d, "secret")
	if err != nil {
		return err
	}
	return putSecret(ctx, s, programAccount, store, name, value)
}

// PutSecret gives a secret of the Secrets Store of the first account its value. store is
// the id that bindings have for the store, which is made when it is missing.
func (c *Cloud) PutSecret(ctx context.Context, store, name, value string) error {
	return putSecret(ctx, c.storage.secrets, c.Info().AccountID, store, name, value)
}

func putSecret(ctx context.Context, s *secretstore.Stores, account, store, name, value string) error {
	if !secretstore.ValidName(name) {
		return fmt.Errorf("a secret cannot be called %q", name)
	}
	if len(value) > secretstore.MaxValue {
		return fmt.Errorf("the secret %s has %d bytes, more than %d", name, len(value), secretstore.MaxValue)
	}
	return s.Put(ctx, account, store, name, value)
}
