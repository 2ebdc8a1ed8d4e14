package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// Limits of bindings, from Cloudflare's documentation (Workers Paid).
const (
	maxBindingName = 256
	maxBindingText = 5 << 10
	maxTexts       = 128
)

var bindingName = lazyregexp.New(`^[A-Za-z_$][A-Za-z0-9_$.-]*$`)

// binding is what the API must know of one; the rest of its JSON is carried along.
type binding struct {
	Name         string          `json:"name"`
	Type         string          `json:"type"`
	Text         *string         `json:"text,omitempty"`
	JSON         json.RawMessage `json:"json,omitempty"`
	NamespaceID  string          `json:"namespace_id,omitempty"`
	ID           string          `json:"id,omitempty"`
	DatabaseID   string          `json:"database_id,omitempty"`
	QueueName    string          `json:"queue_name,omitempty"`
	Destination  string          `json:"destination_address,omitempty"`
	Destinations []string        `json:"allowed_destination_addresses,omitempty"`
	Delay        *int            `json:"delivery_delay,omitempty"`
	Service      string          `json:"service,omitempty"`
	ClassName    string          `json:"class_name,omitempty"`
	ScriptName   string          `json:"script_name,omitempty"`
	OldName      string          `json:"old_name,omitempty"`
	VersionID    string          `json:"version_id,omitempty"`
	Part         string          `json:"part,omitempty"`
	IndexName    string          `json:"index_name,omitempty"`
	StoreID      string          `json:"store_id,omitempty"`
	SecretName   string          `json:"secret_name,omitempty"`
	Dataset      string          `json:"dataset,omitempty"`
	Namespace    string          `json:"namespace,omitempty"`
	Outbound     json.RawMessage `json:"outbound,omitempty"`
	Simple       struct {
		Limit  float64 `json:"limit"`
		Period float64 `json:"period"`
	} `json:"simple"`
	BucketName   string `json:"bucket_name,omitempty"`
	Jurisdiction string `json:"jurisdiction,omitempty"`
}

// bindingSet resolves the bindings of an upload against what exists.
type bindingSet struct {
	tx       *store.Tx
	account  string
	script   string
	previous *store.Version // nil for a Worker's first version
	classes  []store.Class  // of the Worker, after the upload's migrations
	strict   bool           // an inherit binding without a source is an error
	limits   Limits
	index    func(name string) error // refuses when there is no such Vectorize index
	ensure   func(id string) error   // makes a store of secrets that is missing
}

// resolve gives the complete bindings: inherited and kept ones filled in, each
// checked, none twice.
func (s *bindingSet) resolve(in []json.RawMessage, keep []string) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	taken := map[string]bool{}
	texts := 0
	add := func(raw json.RawMessage) error {
		var b binding
		if err := json.Unmarshal(raw, &b); err != nil {
			return refuse(http.StatusBadRequest, 10026, "A binding is not the JSON that was expected: %s.", NotJSON(err))
		}
		if err := checkName(b); err != nil {
			return err
		}
		if taken[b.Name] {
			return refuse(http.StatusBadRequest, 10053, "Binding name %q is used twice.", b.Name)
		}
		if b.Type == "inherit" {
			found, err := s.inherited(b)
			if err != nil || found == nil {
				return err
			}
			raw = found
			if err := json.Unmarshal(raw, &b); err != nil {
				return err
			}
		}
		taken[b.Name] = true
		if b.Type == "plain_text" || b.Type == "json" || isSecret(b.Type) {
			if texts++; texts > s.limits.Variables {
				return refuse(http.StatusBadRequest, 10055, "The Worker has more than %d variables and secrets.", s.limits.Variables)
			}
		}
		full, err := s.check(b, raw)
		if err != nil {
			return err
		}
		out = append(out, full)
		return nil
	}
	for _, raw := range in {
		if err := add(raw); err != nil {
			return nil, err
		}
	}
	if s.previous != nil {
		for _, raw := range s.previous.Bindings {
			var b binding
			if err := json.Unmarshal(raw, &b); err != nil {
				return nil, err
			}
			if slices.Contains(keep, b.Type) && !taken[b.Name] {
				if err := add(raw); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func checkName(b binding) error {
	switch {
	case b.Name == "":
		return refuse(http.StatusBadRequest, 10052, "A binding of type %q has no name.", b.Type)
	case len(b.Name) > maxBindingName:
		return refuse(http.StatusBadRequest, 10100, "Binding name %.20q… has %d characters, more than %d.", b.Name, len(b.Name), maxBindingName)
	case !bindingName.MatchString(b.Name):
		return refuse(http.StatusBadRequest, 10021, "Binding name %q is not an identifier.", b.Name)
	}
	return nil
}

// inherited is the binding that an inherit stands for, under its new name; nil when
// there is none and that is allowed.
func (s *bindingSet) inherited(b binding) (json.RawMessage, error) {
	from := s.previous
	if b.VersionID != "" && b.VersionID != "latest" {
		v, err := s.tx.Version(s.account, s.script, b.VersionID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, refuse(http.StatusNotFound, 10071, "Binding %q inherits from version %q, which this Worker does not have.", b.Name, b.VersionID)
		}
		if err != nil {
			return nil, err
		}
		from = &v
	}
	name := b.Name
	if b.OldName != "" {
		name = b.OldName
	}
	if from != nil {
		if raw, ok := findBinding(from.Bindings, name); ok {
			return withFields(raw, map[string]any{"name": b.Name})
		}
	}
	if s.strict {
		return nil, refuse(http.StatusBadRequest, 10057, "Binding %q inherits from %q, which the previous version does not have.", b.Name, name)
	}
	return nil, nil
}

func findBinding(all []json.RawMessage, name string) (json.RawMessage, bool) {
	for _, raw := range all {
		var b binding
		if json.Unmarshal(raw, &b) == nil && b.Name == name {
			return raw, true
		}
	}
	return nil, false
}

// withFields is a JSON object with some fields set.
func withFields(raw json.RawMessage, fields map[string]any) (json.RawMessage, error) {
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	for k, v := range fields {
		m[k] = v
	}
	return json.Marshal(m)
}

// shown are bindings as the API tells them: secrets without their values.
func shown(all []json.RawMessage) []json.RawMessage {
	out := make([]json.RawMessage, 0, len(all))
	for _, raw := range all {
		var secret secretInput
		if json.Unmarshal(raw, &secret) == nil && isSecret(secret.Type) {
			if safe, err := json.Marshal(secret.shown()); err == nil {
				raw = safe
			}
		}
		out = append(out, raw)
	}
	return out
}

// secretsOf are the secrets among bindings, by name.
func secretsOf(all []json.RawMessage) map[string]secretInput {
	out := map[string]secretInput{}
	for _, raw := range all {
		var secret secretInput
		if json.Unmarshal(raw, &secret) == nil && isSecret(secret.Type) {
			out[secret.Name] = secret
		}
	}
	return out
}

func (c *call) resolveBindings(tx *store.Tx, d *draft, in []json.RawMessage, keep []string) error {
	set := bindingSet{
		tx: tx, account: c.account.ID, script: d.script.Name, previous: d.latest, classes: d.classes(),
		strict: c.query.Get("bindings_inherit") == "strict", limits: c.limits,
		index: func(name string) error {
			_, err := c.vectors.Index(c.ctx, c.account.ID, name)
			return vectorError(err)
		},
		ensure: func(id string) error { return c.stored.Ensure(c.ctx, c.account.ID, id) },
	}
	resolved, err := set.resolve(in, keep)
	if err != nil {
		return err
	}
	d.version.Bindings = resolved
	if _, bound := bindingOfType(resolved, "assets"); bound && d.version.Assets == nil {
		return refuse(http.StatusBadRequest, 10305, "The Worker has an assets binding, but no assets.")
	}
	return nil
}

func bindingOfType(all []json.RawMessage, kind string) (binding, bool) {
	for _, raw := range all {
		var b binding
		if json.Unmarshal(raw, &b) == nil && b.Type == kind {
			return b, true
		}
	}
	return binding{}, false
}
