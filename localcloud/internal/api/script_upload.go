package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// uploadScript is PUT: a version that serves at once.
func (c *call) uploadScript() (any, error) {
	name := c.scriptName()
	if err := checkScriptName(c.vars["script_name"]); err != nil {
		return nil, err
	}
	u, err := c.readUpload()
	if err != nil {
		return nil, err
	}
	d, err := c.makeVersion(making{script: name, trigger: "upload", resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.begin(tx, name)
		if err != nil {
			return nil, err
		}
		return d, c.fromUpload(tx, d, u)
	}})
	if err != nil {
		return nil, err
	}
	result := scriptJSON(d.script, &d.version)
	result["startup_time_ms"] = d.version.StartupMS
	result["deployment_id"] = strings.ReplaceAll(d.version.ID, "-", "")
	result["entry_point"] = d.version.MainModule + d.version.BodyPart
	result["pipeline_hash"], result["mutable_pipeline_id"] = d.version.Etag, d.script.Tag
	return reply{result: result, messages: d.notes}, nil
}

// uploadVersion is POST versions: a version that does not serve yet.
func (c *call) uploadVersion() (any, error) {
	u, err := c.readUpload()
	if err != nil {
		return nil, err
	}
	if u.meta.BodyPart != "" {
		return nil, refuse(http.StatusBadRequest, 10216, "Versions can be uploaded only for Workers that use ES modules.")
	}
	if u.meta.Migrations != nil {
		return nil, refuse(http.StatusBadRequest, 10211, "A version with a Durable Object migration cannot be uploaded: deploy it with PUT.")
	}
	d, err := c.makeVersion(making{script: c.scriptName(), trigger: "version_upload", waits: true, resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.existing(tx)
		if err != nil {
			return nil, err
		}
		// What a version brings for the Worker as a whole waits for script-settings.
		script := d.script
		err = c.fromUpload(tx, d, u)
		d.script = script
		return d, err
	}})
	if err != nil {
		return nil, err
	}
	return reply{result: versionJSON(d.script, d.version), messages: d.notes}, nil
}

// putContent makes a version with other code and everything else as it was.
func (c *call) putContent() (any, error) {
	u, err := c.readUpload()
	if err != nil {
		return nil, err
	}
	d, err := c.makeVersion(making{script: c.scriptName(), trigger: "upload", resolve: func(tx *store.Tx) (*draft, error) {
		d, err := c.derived(tx)
		if err != nil {
			return nil, err
		}
		d.version.MainModule, d.version.BodyPart, d.version.Modules = u.meta.MainModule, u.meta.BodyPart, u.modules
		return d, c.resolveBindings(tx, d, d.version.Bindings, nil)
	}})
	if err != nil {
		return nil, err
	}
	return reply{result: scriptJSON(d.script, &d.version), messages: d.notes}, nil
}

// fromUpload fills the draft with what a client uploaded.
func (c *call) fromUpload(tx *store.Tx, d *draft, u upload) error {
	m := u.meta
	if d.isNew && c.dispatch.ID == "" { // user Workers are not limited
		if err := c.checkScriptCount(tx); err != nil {
			return err
		}
	}
	d.version = store.Version{
		MainModule: m.MainModule, BodyPart: m.BodyPart, Modules: u.modules,
		CompatibilityDate: m.CompatibilityDate, CompatibilityFlags: m.CompatibilityFlags,
		UsageModel: "standard", Limits: m.Limits, Placement: m.Placement,
		Annotations: m.Annotations,
	}
	if len(u.code()) == 0 {
		d.version.Modules = nil
	}
	if m.CompatibilityDate != "" {
		if _, err := time.Parse(time.DateOnly, m.CompatibilityDate); err != nil || !isoDate.MatchString(m.CompatibilityDate) {
			return refuse(http.StatusBadRequest, 10021, "Compatibility date %q is not a date like 2026-01-31.", m.CompatibilityDate)
		}
	}
	if m.Migrations != nil {
		var err error
		if d.script, d.moved, err = m.Migrations.apply(tx, d.script); err != nil {
			return err
		}
	}
	if err := c.takeAssets(tx, d, m); err != nil {
		return err
	}
	if m.Observability != nil {
		d.script.Observability = m.Observability
	}
	if m.TailConsumers != nil {
		if err := checkTailConsumers(tx, d.script, m.TailConsumers); err != nil {
			return err
		}
		d.script.TailConsumers = m.TailConsumers
	}
	if m.Logpush != nil {
		d.script.Logpush = *m.Logpush
	}
	if m.Tags != nil {
		if err := checkTags(m.Tags); err != nil {
			return err
		}
		d.script.Tags = m.Tags
	}
	return c.resolveBindings(tx, d, m.Bindings, m.KeepBindings)
}

// checkTags holds the limits on a Worker's tags.
func checkTags(tags []string) error {
	if len(tags) > 8 {
		return refuse(http.StatusBadRequest, 100103, "The Worker has %d tags, more than 8.", len(tags))
	}
	for _, t := range tags {
		if len(t) > 1024 || strings.ContainsAny(t, ",&") {
			return refuse(http.StatusBadRequest, 100102, "Tag %.40q is longer than 1024 characters or has a comma or an ampersand.", t)
		}
	}
	return nil
}
