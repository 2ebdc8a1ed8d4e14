package cloudflare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// Binding is one name that a Worker's code finds in env.
type Binding struct {
	Type string // plain_text, kv_namespace, d1, service, …
	Name string
	// Text is the value of a secret_text. It is sent and never printed; answers do
	// not carry it.
	Text Secret
	// Fields are the further fields exactly as the API has them, such as
	// namespace_id; numbers that come from answers are json.Number.
	Fields map[string]any
}

// MarshalJSON is for people and records: a secret's value is hidden.
func (b Binding) MarshalJSON() ([]byte, error) {
	m := b.wire()
	if !b.Text.IsZero() {
		m["text"] = hidden
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads a binding as the API answers it.
func (b *Binding) UnmarshalJSON(raw []byte) error {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return fmt.Errorf("read a binding: %w", err)
	}
	b.Type, _ = m["type"].(string)
	b.Name, _ = m["name"].(string)
	delete(m, "type")
	delete(m, "name")
	if b.Type == "secret_text" {
		delete(m, "text")
	}
	b.Fields = m
	return nil
}

// wire is what is sent.
func (b Binding) wire() map[string]any {
	m := maps.Clone(b.Fields)
	if m == nil {
		m = map[string]any{}
	}
	m["type"], m["name"] = b.Type, b.Name
	if !b.Text.IsZero() {
		m["text"] = b.Text.Reveal()
	}
	return m
}

func wireBindings(list []Binding) []map[string]any {
	out := make([]map[string]any, len(list))
	for i, b := range list {
		out[i] = b.wire()
	}
	return out
}
