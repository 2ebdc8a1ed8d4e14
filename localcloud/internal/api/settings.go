package api

import (
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func settingsEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: scriptPath + "/settings", Permissions: scriptsRead, handle: (*call).settings},
		{Method: "PATCH", Pattern: scriptPath + "/settings", Permissions: scriptsWrite, handle: (*call).editSettings},
		{Method: "GET", Pattern: scriptPath + "/script-settings", Permissions: scriptsRead, handle: (*call).scriptSettings},
		{Method: "PATCH", Pattern: scriptPath + "/script-settings", Permissions: scriptsWrite, handle: (*call).editScriptSettings},
	}
}

// settings is what belongs to the newest version beside its code.
func (c *call) settings() (any, error) {
	s, v, err := c.latest()
	if err != nil {
		return nil, err
	}
	return settingsJSON(s, v), nil
}

func settingsJSON(s store.Script, v *store.Version) map[string]any {
	m := map[string]any{
		"tags": tags(s), "logpush": s.Logpush, "usage_model": "standard", "tail_consumers": []any{},
		"bindings": []any{}, "compatibility_flags": []string{}, "placement": map[string]any{},
	}
	if given(s.TailConsumers) {
		m["tail_consumers"] = s.TailConsumers
	}
	if given(s.Observability) {
		m["observability"] = s.Observability
	}
	if s.MigrationTag != "" {
		m["migration_tag"] = s.MigrationTag
	}
	if v == nil {
		return m
	}
	m["bindings"], m["compatibility_date"], m["compatibility_flags"] = shown(v.Bindings), v.CompatibilityDate, flags(v)
	m["annotations"] = v.Annotations
	if given(v.Placement) {
		m["placement"] = v.Placement
	}
	if given(v.Limits) {
		m["limits"] = v.Limits
	}
	return m
}

// settingsInput is what a client changes; nil fields stay.
type settingsInput struct {
	Bindings           *[]json.RawMessage `json:"bindings"`
	CompatibilityDate  *string            `json:"compatibility_date"`
	CompatibilityFlags *[]string          `json:"compatibility_flags"`
	Limits             json.RawMessage    `json:"limits"`
	Placement          json.RawMessage    `json:"placement"`
	Migrations         *migrations        `json:"migrations"`
	Annotations        map[string]string  `json:"annotations"`
	scriptSettingsInput
}

type scriptSettingsInput struct {
	Logpush       *bool           `json:"logpush"`
	Tags          *[]string       `json:"tags"`
	TailConsumers json.RawMessage `json:"tail_consumers"`
	Observability json.RawMessage `json:"observability"`
}

func (in scriptSettingsInput) onto(tx *store.Tx, s *store.Script) error {
	if in.Logpush != nil {
		s.Logpush = *in.Logpush
	}
	if in.Tags != nil {
		if err := checkTags(*in.Tags); err != nil {
			return err
		}
		s.Tags = *in.Tags
	}
	if in.TailConsumers != nil {
		if err := checkTailConsumers(tx, *s, in.TailConsumers); err != nil {
			return err
		}
		s.TailConsumers = in.TailConsumers
	}
	if in.Observability != nil {
		if err := checkRules(nil, nil, in.Observability); err != nil {
			return err
		}
		s.Observability = in.Observability
	}
	return nil
}

// parseSettings reads the part named settings of a multipart body, or a JSON body.
func parseSettings(contentType string, body io.Reader) (settingsInput, error) {
	var in settingsInput
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return in, refuse(http.StatusBadRequest, 10001, "The Content-Type %q is not readable.", contentType)
	}
	if mediaType == "multipart/form-data" {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			part, err := parts.NextPart()
			if err == io.EOF {
				return in, refuse(http.StatusBadRequest, 10006, "The request has no part named settings.")
			}
			if err != nil {
				return in, unreadable(err)
			}
			if part.FormName() == "settings" {
				body = part
				break
			}
		}
	}
	b, err := io.ReadAll(io.LimitReader(body, maxMetadata+1))
	if err != nil {
		return in, unreadable(err)
	}
	if err := json.Unmarshal(b, &in); err != nil {
		return in, refuse(http.StatusBadRequest, 10026, "The settings are not the JSON that was expected: %s.", NotJSON(err))
	}
	if err := checkRules(in.Limits, in.Placement, in.Observability); err != nil {
		return in, err
	}
	return in, checkAnnotations(in.Annotations)
}

// editSettings makes a version with other settings and the same code, and serves it.
func (c *call) editSettings() (any, error) {
	in, err := parseSettings(c.req.Header.Get("Content-Type"), c.req.Body)
	if err != nil {
		return nil, err
	}
	d, err := c.makeVersion(making{script: c.scriptName(), trigger: "settings", resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.derived(tx)
		if err != nil {
			return nil, err
		}
		if d.active != nil && !d.servesLatest() {
			return nil, refuse(http.StatusBadRequest, 10214, "Settings edit failed: the latest version of this Worker is not deployed to all of its traffic, and would begin to serve. Deploy it first.")
		}
		return d, c.applySettings(tx, d, in)
	}})
	if err != nil {
		return nil, err
	}
	return settingsJSON(d.script, &d.version), nil
}

func (c *call) applySettings(tx *store.Tx, d *draft, in settingsInput) error {
	v := &d.version
	if in.CompatibilityDate != nil {
		v.CompatibilityDate = *in.CompatibilityDate
	}
	if in.CompatibilityFlags != nil {
		v.CompatibilityFlags = *in.CompatibilityFlags
	}
	if in.Limits != nil {
		v.Limits = in.Limits
	}
	if in.Placement != nil {
		v.Placement = in.Placement
	}
	v.Annotations = in.Annotations
	if in.Migrations != nil {
		var err error
		if d.script, d.moved, err = in.Migrations.apply(tx, d.script); err != nil {
			return err
		}
	}
	if err := in.onto(tx, &d.script); err != nil {
		return err
	}
	if in.Bindings == nil {
		return c.resolveBindings(tx, d, v.Bindings, nil)
	}
	bindings := []json.RawMessage{}
	for _, raw := range *in.Bindings {
		bindings = append(bindings, named(raw, d.latest.Bindings))
	}
	return c.resolveBindings(tx, d, bindings, nil)
}

// named turns a binding of which only name and type are given into the one that the
// Worker has: that is how a client that cannot read secrets sends them back.
func named(raw json.RawMessage, have []json.RawMessage) json.RawMessage {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil || len(fields) != 2 {
		return raw
	}
	name, _ := fields["name"].(string)
	old, ok := findBinding(have, name)
	if !ok {
		return raw
	}
	var b binding
	if json.Unmarshal(old, &b) != nil || b.Type != fields["type"] {
		return raw
	}
	return old
}

func (c *call) scriptSettings() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		result = scriptSettingsJSON(s)
		return err
	})
	return result, err
}

func scriptSettingsJSON(s store.Script) map[string]any {
	m := map[string]any{"logpush": s.Logpush, "tags": tags(s), "tail_consumers": []any{}, "observability": nil}
	if given(s.TailConsumers) {
		m["tail_consumers"] = s.TailConsumers
	}
	if s.Observability != nil {
		m["observability"] = s.Observability
	}
	return m
}

// editScriptSettings changes what belongs to the Worker and to none of its versions.
func (c *call) editScriptSettings() (any, error) {
	var in scriptSettingsInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		var s store.Script
		change := c.publish // tail consumers are the only part that is served
		if in.TailConsumers == nil {
			change = func(fn func(*store.Tx) error) error { return c.store.Write(c.ctx, fn) }
		}
		err := change(func(tx *store.Tx) (err error) {
			if s, err = c.script(tx); err != nil {
				return err
			}
			if err := in.onto(tx, &s); err != nil {
				return err
			}
			return tx.PutScript(s)
		})
		if err != nil {
			return nil, err
		}
		return scriptSettingsJSON(s), nil
	})
}
