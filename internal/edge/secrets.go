package edge

import (
	"context"
	"errors"
	"fmt"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/secret"
)

// secretBindings are the secrets that travel with u.
func (e *Edge) secretBindings(ctx context.Context, a *Account, u deploy.Upload) ([]cloudflare.Binding, error) {
	var all []cloudflare.Binding
	for _, name := range u.Secrets {
		value, err := e.secrets.Value(ctx, u.Target, name)
		if err != nil {
			return nil, fmt.Errorf("read secret %s of %s: %w", name, u.Target, err)
		}
		all = append(all, secretBinding(name, value))
	}
	if len(u.Generated) == 0 {
		return all, nil
	}
	// The plan knew of none; since then somebody may have set one, which then is kept.
	has := map[string]bool{}
	there, err := a.Client.Secrets(ctx, a.ID, u.Script.Name)
	if err != nil && !cloudflare.IsNotFound(err) {
		return nil, a.refused(err, u, "read the secrets of "+u.Script.Name)
	}
	for _, s := range there {
		has[s.Name] = true
	}
	for _, g := range u.Generated {
		if has[g.Name] {
			continue
		}
		value, err := e.secrets.Value(ctx, u.Target, g.Name)
		if errors.Is(err, secret.ErrNotFound) {
			value, err = secret.Generate(g.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("make secret %s of %s: %w", g.Name, u.Target, err)
		}
		all = append(all, secretBinding(g.Name, value))
	}
	return all, nil
}

func secretBinding(name string, value secret.Value) cloudflare.Binding {
	b := cloudflare.Binding{Type: "secret_text", Name: name, Text: cloudflare.NewSecret(value.Reveal())}
	if b.Text.IsZero() { // an empty value is a value
		b.Fields = map[string]any{"text": ""}
	}
	return b
}
