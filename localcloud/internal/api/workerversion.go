package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func workerVersionEndpoints() []Endpoint {
	const versions = workerPath + "/versions"
	return []Endpoint{
		{Method: "GET", Pattern: versions, Permissions: scriptsRead, handle: ofWorker((*call).workerVersions)},
		{Method: "POST", Pattern: versions, Permissions: scriptsWrite, handle: ofWorker((*call).createWorkerVersion), body: maxVersion},
		{Method: "GET", Pattern: versions + "/{version_id}", Permissions: scriptsRead, handle: ofWorker((*call).workerVersion)},
		{Method: "PATCH", Pattern: versions + "/latest", Permissions: scriptsWrite, handle: ofWorker((*call).editLatestVersion)},
	}
}

// maxVersion bounds a version whose modules are base64 in JSON.
const maxVersion = maxWorker/3*4 + 4<<20

// versionInput is a version as one JSON object. What belongs to the Worker as a whole is
// not in it.
type versionInput struct {
	MainModule         string            `json:"main_module"`
	Modules            []moduleJSON      `json:"modules"`
	Bindings           []json.RawMessage `json:"bindings"`
	CompatibilityDate  string            `json:"compatibility_date"`
	CompatibilityFlags []string          `json:"compatibility_flags"`
	Migrations         *migrations       `json:"migrations"`
	Exports            json.RawMessage   `json:"exports"`
	Assets             *assetsMetadata   `json:"assets"`
	Placement          json.RawMessage   `json:"placement"`
	Limits             json.RawMessage   `json:"limits"`
	Annotations        map[string]string `json:"annotations"`
	Containers         []any             `json:"containers"`
	CacheOptions       struct {
		Enabled bool `json:"enabled"`
	} `json:"cache_options"`
}

type moduleJSON struct {
	Name        string `json:"name"`
	ContentType string `json:"content_type"`
	Content     string `json:"content_base64"`
}

// upload is the version as if it had been uploaded in parts.
func (in versionInput) upload(most int64, keep func(io.Reader) (string, int64, error)) (upload, error) {
	u := upload{meta: metadata{
		MainModule: in.MainModule, Bindings: in.Bindings, CompatibilityDate: in.CompatibilityDate, CompatibilityFlags: in.CompatibilityFlags,
		Migrations: in.Migrations, Exports: in.Exports, Assets: in.Assets, Placement: in.Placement, Limits: in.Limits, Annotations: in.Annotations,
	}}
	switch {
	case len(in.Containers) > 0:
		return u, refuse(http.StatusNotImplemented, 100153, "The version has containers, which the local cloud does not run.")
	case in.CacheOptions.Enabled:
		return u, refuse(http.StatusNotImplemented, 100153, "The version turns cache_options on, which the local cloud does not have.")
	case len(in.Modules) > maxModules:
		return u, refuse(http.StatusBadRequest, 10027, "The version has more than %d modules.", maxModules)
	}
	var total int64
	for _, m := range in.Modules {
		content, err := base64.StdEncoding.DecodeString(m.Content)
		if err != nil {
			return u, refuse(http.StatusBadRequest, 10026, "The content_base64 of module %q is not base64.", m.Name)
		}
		if u.meta.Assets != nil && (m.Name == "_headers" || m.Name == "_redirects") {
			if u.meta.Assets.Config, err = withField(u.meta.Assets.Config, m.Name, string(content)); err != nil {
				return u, err
			}
			continue
		}
		if err := checkModuleName(m.Name); err != nil {
			return u, err
		}
		if u.has(m.Name) {
			return u, refuse(http.StatusBadRequest, 10021, "Module %q is in the version twice.", m.Name)
		}
		total += int64(len(content))
		if err := checkWorkerSize(total, most); err != nil {
			return u, err
		}
		digest, size, err := keep(bytes.NewReader(content))
		if err != nil {
			return u, unreadable(err)
		}
		u.modules = append(u.modules, store.Module{Name: m.Name, ContentType: moduleType(m.ContentType, m.Name), Blob: digest, Size: size})
	}
	return u, u.check()
}

// withField is the configuration of assets with one of the files that belong to it.
func withField(config json.RawMessage, name, value string) (json.RawMessage, error) {
	if !given(config) {
		config = json.RawMessage("{}")
	}
	full, err := withFields(config, map[string]any{name: value})
	if err != nil {
		return nil, refuse(http.StatusBadRequest, 10026, "The field \"assets.config\" is not the JSON that was expected: %s.", NotJSON(err))
	}
	return full, nil
}

// createWorkerVersion makes a version that waits to be deployed, or with deploy=true one
// that serves at once.
func (c *call) createWorkerVersion() (any, error) {
	var in versionInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	u, err := in.upload(c.limits.WorkerSize, c.store.Blobs.Write)
	if err != nil {
		return nil, err
	}
	m := making{script: c.scriptName(), trigger: "version_upload", waits: !c.deploys()}
	if !m.waits {
		m.trigger = "upload"
	}
	m.resolve = func(tx *store.Tx) (*draft, error) {
		d, err := c.existing(tx)
		if err != nil {
			return nil, err
		}
		script := d.script
		if err := c.fromUpload(tx, d, u); err != nil {
			return nil, err
		}
		if m.waits && in.Migrations != nil {
			err = d.postpone(script)
		}
		return d, err
	}
	d, err := c.makeVersion(m)
	if err != nil {
		return nil, err
	}
	return reply{result: workerVersionJSON(d.version), messages: d.notes}, nil
}

// deploys reports whether a new version is to serve at once.
func (c *call) deploys() bool { return c.query.Get("deploy") == "true" }

// workerVersionJSON is a version as the newer endpoints tell it, without its modules.
// Bindings are sorted by name; Terraform's provider relies on it.
func workerVersionJSON(v store.Version) map[string]any {
	m := map[string]any{
		"id": v.ID, "number": v.Number, "created_on": stamp(v.CreatedOn), "source": v.Source, "annotations": v.Annotations, "urls": []string{},
		"compatibility_date": v.CompatibilityDate, "compatibility_flags": flags(&v), "usage_model": "standard", "startup_time_ms": v.StartupMS,
	}
	byName := map[string]json.RawMessage{}
	for _, raw := range shown(v.Bindings) {
		var b binding
		if json.Unmarshal(raw, &b) == nil {
			byName[b.Name] = raw
		}
	}
	bindings := []json.RawMessage{}
	for _, name := range sortedNames(byName) {
		bindings = append(bindings, byName[name])
	}
	m["bindings"] = bindings
	for name, text := range map[string]string{"main_module": v.MainModule, "migration_tag": v.MigrationTag} {
		if text != "" {
			m[name] = text
		}
	}
	for name, raw := range map[string]json.RawMessage{"limits": v.Limits, "placement": v.Placement} {
		if given(raw) {
			m[name] = raw
		}
	}
	if v.Assets != nil {
		var config struct {
			HTML     string          `json:"html_handling,omitempty"`
			NotFound string          `json:"not_found_handling,omitempty"`
			First    json.RawMessage `json:"run_worker_first,omitempty"`
		}
		if given(v.Assets.Config) && json.Unmarshal(v.Assets.Config, &config) == nil {
			m["assets"] = map[string]any{"config": config}
		}
	}
	return m
}

func (c *call) workerVersion() (any, error) {
	include := c.query.Get("include")
	if include != "" && include != "modules" {
		return nil, refuse(http.StatusBadRequest, 10004, "Parameter \"include\" is modules, not %q.", include)
	}
	var v store.Version
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		v, err = c.versionOf(tx, s, c.vars["version_id"])
		return err
	})
	if err != nil {
		return nil, err
	}
	result := workerVersionJSON(v)
	if include == "" {
		return result, nil
	}
	modules := []moduleJSON{}
	for _, m := range v.Modules {
		var content bytes.Buffer
		if err := c.copyBlob(&content, m.Blob); err != nil {
			return nil, fmt.Errorf("reading module %q: %w", m.Name, err)
		}
		modules = append(modules, moduleJSON{Name: m.Name, ContentType: m.ContentType, Content: base64.StdEncoding.EncodeToString(content.Bytes())})
	}
	result["modules"] = modules
	return result, nil
}

func (c *call) workerVersions() (any, error) {
	var all []store.Version
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		all, err = tx.Versions(s.Account, s.Name)
		return err
	})
	if err != nil {
		return nil, err
	}
	listed := []any{}
	for _, v := range all {
		listed = append(listed, workerVersionJSON(v))
	}
	return cut(pages{1, 10, 100}, c.query, listed)
}
