package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Settings are the parts of a Worker's latest version that are not code.
type Settings struct {
	Bindings           []Binding        `json:"bindings"`
	CompatibilityDate  string           `json:"compatibility_date"`
	CompatibilityFlags []string         `json:"compatibility_flags"`
	UsageModel         string           `json:"usage_model"`
	Limits             map[string]any   `json:"limits"`
	Placement          map[string]any   `json:"placement"`
	Observability      map[string]any   `json:"observability"`
	Logpush            bool             `json:"logpush"`
	Tags               []string         `json:"tags"`
	TailConsumers      []map[string]any `json:"tail_consumers"`
	Annotations        Annotations      `json:"annotations"`
}

// ScriptSettings are the settings of a Worker that are the same for all its versions.
type ScriptSettings struct {
	Logpush       bool             `json:"logpush"`
	Observability map[string]any   `json:"observability"`
	Tags          []string         `json:"tags"`
	TailConsumers []map[string]any `json:"tail_consumers"`
}

// SettingsPatch changes what is set and leaves the rest as it is.
type SettingsPatch struct {
	Bindings    []Binding // nil leaves all; others replace all, so keep what shall stay with type inherit
	Annotations Annotations
	Extra       map[string]any // further fields exactly as the API has them
}

// ScriptSettingsPatch changes what is set (not nil) and leaves the rest as it is.
type ScriptSettingsPatch struct {
	Logpush       *bool             `json:"logpush,omitempty"`
	Observability map[string]any    `json:"observability,omitempty"`
	Tags          *[]string         `json:"tags,omitempty"`
	TailConsumers *[]map[string]any `json:"tail_consumers,omitempty"`
}

const (
	settingsPath       = scriptPath + "/settings"
	scriptSettingsPath = scriptPath + "/script-settings"
)

// Settings reads the settings of a Worker's latest version.
func (c *Client) Settings(ctx context.Context, account, script string) (Settings, error) {
	return call[Settings](ctx, c, request{method: http.MethodGet, path: settingsPath, args: []string{account, script}, effect: reads})
}

// PatchSettings makes a new version with other settings and deploys it at once. It is
// never repeated when the outcome is unknown.
func (c *Client) PatchSettings(ctx context.Context, account, script string, p SettingsPatch) (Settings, error) {
	out := map[string]any{}
	for k, v := range p.Extra {
		out[k] = v
	}
	if p.Bindings != nil {
		out["bindings"] = wireBindings(p.Bindings)
	}
	putUnlessZero(out, "annotations", p.Annotations)
	body, err := json.Marshal(out)
	if err != nil {
		return Settings{}, fmt.Errorf("write the settings: %w", err)
	}
	r := request{method: http.MethodPatch, path: settingsPath, args: []string{account, script}, effect: creates}
	r.contentType, r.body, err = multipartBody([]Module{{Name: "settings", ContentType: "application/json", Content: body}})
	if err != nil {
		return Settings{}, err
	}
	return call[Settings](ctx, c, r)
}

// ScriptSettings reads the settings that all versions of a Worker share.
func (c *Client) ScriptSettings(ctx context.Context, account, script string) (ScriptSettings, error) {
	return call[ScriptSettings](ctx, c, request{method: http.MethodGet, path: scriptSettingsPath, args: []string{account, script}, effect: reads})
}

// PatchScriptSettings changes settings that all versions of a Worker share; it makes
// no version.
func (c *Client) PatchScriptSettings(ctx context.Context, account, script string, p ScriptSettingsPatch) (ScriptSettings, error) {
	return call[ScriptSettings](ctx, c, request{
		method: http.MethodPatch, path: scriptSettingsPath, args: []string{account, script}, effect: names,
	}.withJSON(p))
}
