package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// deployable is how many of the newest versions may serve.
const deployable = 100

// defaultCompatibilityDate is what a Worker without one gets.
const defaultCompatibilityDate = "2021-11-02"

var (
	scriptName = regexp.MustCompile(`^[a-z0-9_][a-z0-9_-]{0,62}$`)
	isoDate    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
)

// draft is a version that is being made: resolved, then started once, then kept.
type draft struct {
	script  store.Script
	isNew   bool // the Worker does not exist yet
	latest  *store.Version
	active  *store.Deployment
	version store.Version
	moved   []transfer
	notes   []message // for the client, beside the result
}

// begin reads what the draft is made against.
func (c *call) begin(tx *store.Tx, name string) (*draft, error) {
	d := &draft{}
	var err error
	if d.script, err = tx.Script(c.account.ID, name); errors.Is(err, store.ErrNotFound) {
		d.isNew = true
		d.script = store.Script{Account: c.account.ID, Name: name, Tag: newID(), CreatedOn: c.now()}
	} else if err != nil {
		return nil, err
	}
	d.script.ModifiedOn = c.now()
	switch latest, err := tx.LatestVersion(c.account.ID, name); {
	case err == nil:
		d.latest = &latest
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	switch active, err := tx.ActiveDeployment(c.account.ID, name); {
	case err == nil:
		d.active = &active
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	return d, nil
}

// existing is begin for a Worker that must be there.
func (c *call) existing(tx *store.Tx) (*draft, error) {
	d, err := c.begin(tx, c.scriptName())
	if err == nil && d.isNew {
		err = c.noScript()
	}
	return d, err
}

// noScript is the refusal for a Worker that is not there. Clients know the two codes
// apart.
func (c *call) noScript() error {
	if c.dispatch.ID != "" {
		return refuse(http.StatusNotFound, 10092, "This Worker does not exist in the dispatch namespace %q.", c.dispatch.Name)
	}
	return refuse(http.StatusNotFound, 10007, "This Worker does not exist on your account.")
}

// scriptName is the name of the path's Worker in the store.
func (c *call) scriptName() string {
	name, ok := c.vars["script_name"]
	switch {
	case ok && c.dispatch.ID != "":
		return store.UserWorker(c.dispatch.ID, name)
	case ok:
		return name
	}
	return c.vars["worker_id"]
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

func (c *call) resolveBindings(tx *store.Tx, d *draft, in []json.RawMessage, keep []string) error {
	set := bindingSet{
		tx: tx, account: c.account.ID, script: d.script.Name, previous: d.latest, classes: d.script.Classes,
		strict: c.query.Get("bindings_inherit") == "strict", limits: c.limits,
		index: func(name string) error {
			_, err := c.vectors.Index(c.ctx, c.account.ID, name)
			return vectorError(err)
		},
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

// seal gives the draft its identity.
func (c *call) seal(d *draft, trigger string) {
	v := &d.version
	v.ID, v.Account, v.Script, v.Number, v.CreatedOn = newUUID(), c.account.ID, d.script.Name, 1, c.now()
	if d.latest != nil {
		v.Number = d.latest.Number + 1
	}
	v.Source = c.source()
	v.MigrationTag = d.script.MigrationTag
	if v.CompatibilityDate == "" {
		v.CompatibilityDate = defaultCompatibilityDate
	}
	annotations := map[string]string{"workers/triggered_by": trigger}
	for _, key := range []string{"workers/message", "workers/tag", "workers/alias"} {
		if value, ok := v.Annotations[key]; ok {
			annotations[key] = value
		}
	}
	v.Annotations = annotations
	v.Etag = etag(v)
}

// source is the client's kind, as far as Cloudflare tells them apart.
func (c *call) source() string {
	if strings.HasPrefix(c.req.UserAgent(), "wrangler/") {
		return "wrangler"
	}
	return "api"
}

// etag names the code of a version: the same modules give the same etag.
func etag(v *store.Version) string {
	var lines []string
	for _, m := range v.Modules {
		lines = append(lines, m.Name+"\x00"+m.ContentType+"\x00"+m.Blob+"\n")
	}
	sort.Strings(lines)
	sum := sha256.Sum256([]byte(v.MainModule + v.BodyPart + "\n" + strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}

// start boots the draft alone. A version that does not start is refused here, so it
// can never take another Worker down.
func (c *call) start(d *draft) error {
	v := &d.version
	found, err := c.runtime.Check(c.ctx, v.Account, v.Script, c.runtimeVersion(*v), runtimeClasses(d.script.Classes))
	if err != nil {
		return startError(err)
	}
	v.Handlers, v.NamedHandlers = found.Handlers, found.NamedHandlers
	err = c.store.Read(c.ctx, func(tx *store.Tx) error {
		consumer, err := consumes(tx, v.Account, v.Script)
		if err == nil && consumer && !slices.Contains(v.Handlers, "queue") {
			err = noQueueHandler(v.Script)
		}
		return err
	})
	if err != nil {
		return err
	}
	v.StartupMS = int(found.Duration.Milliseconds())
	if found.CompatibilityDate != "" && found.CompatibilityDate < v.CompatibilityDate {
		d.notes = append(d.notes, message{Code: 10000, Message: fmt.Sprintf("Compatibility date %s is newer than this local cloud's runtime: the Worker runs with %s.", v.CompatibilityDate, found.CompatibilityDate)})
	}
	return nil
}

// keep adds the version and, when it is to serve, a deployment of it alone.
func (c *call) keep(d *draft, serve bool) error {
	change := func(tx *store.Tx) error {
		if err := tx.PutScript(d.script); err != nil {
			return err
		}
		for _, t := range d.moved {
			if err := t.take(tx, d.script.Account); err != nil {
				return err
			}
		}
		if err := tx.AddVersion(d.version); err != nil {
			return err
		}
		if !serve {
			return nil
		}
		return tx.AddDeployment(store.Deployment{
			ID: newUUID(), Account: d.script.Account, Script: d.script.Name, CreatedOn: c.now(), Source: d.version.Source,
			Annotations: deploymentAnnotations(d.version.Annotations, d.version.Annotations["workers/triggered_by"]),
			Versions:    []store.Share{{Version: d.version.ID, Percentage: 100}},
		})
	}
	if serve {
		return c.publish(change)
	}
	return c.store.Write(c.ctx, change)
}

func deploymentAnnotations(from map[string]string, trigger string) map[string]string {
	out := map[string]string{"workers/triggered_by": trigger}
	if m, ok := from["workers/message"]; ok {
		out["workers/message"] = m
	}
	return out
}

// servesLatest reports whether the newest version has all the traffic.
func (d *draft) servesLatest() bool {
	return d.active != nil && d.latest != nil && len(d.active.Versions) == 1 && d.active.Versions[0].Version == d.latest.ID
}

// exclusive runs fn while no other change happens to the Worker.
func (c *call) exclusive(ctx context.Context, script string, fn func() (any, error)) (any, error) {
	release, err := c.workers.lock(ctx, c.account.ID, script)
	if err != nil {
		return nil, refuse(http.StatusConflict, 10035, "Another change to Worker %q is in progress.", script)
	}
	defer release()
	return fn()
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
	return c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		var d *draft
		err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
			if d, err = c.existing(tx); err != nil {
				return err
			}
			// What a version brings for the Worker as a whole waits for script-settings.
			script := d.script
			err = c.fromUpload(tx, d, u)
			d.script = script
			return err
		})
		if err != nil {
			return nil, err
		}
		c.seal(d, "version_upload")
		if err := c.start(d); err != nil {
			return nil, err
		}
		if err := c.keep(d, false); err != nil {
			return nil, err
		}
		return reply{result: versionJSON(d.version), messages: d.notes}, nil
	})
}

// uploadScript is PUT: a version that serves at once.
func (c *call) uploadScript() (any, error) {
	name := c.scriptName()
	if own := c.vars["script_name"]; !scriptName.MatchString(own) {
		return nil, refuse(http.StatusBadRequest, 10016, "Worker name %q must be lower-case letters, digits, hyphens and underscores, up to 63, and start with a letter, a digit or an underscore.", own)
	}
	u, err := c.readUpload()
	if err != nil {
		return nil, err
	}
	return c.exclusive(c.ctx, name, func() (any, error) {
		var d *draft
		err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
			if d, err = c.begin(tx, name); err != nil {
				return err
			}
			return c.fromUpload(tx, d, u)
		})
		if err != nil {
			return nil, err
		}
		c.seal(d, "upload")
		if err := c.start(d); err != nil {
			return nil, err
		}
		if err := c.keep(d, true); err != nil {
			return nil, err
		}
		result := scriptJSON(d.script, &d.version)
		result["startup_time_ms"] = d.version.StartupMS
		result["deployment_id"] = strings.ReplaceAll(d.version.ID, "-", "")
		result["entry_point"] = d.version.MainModule + d.version.BodyPart
		result["pipeline_hash"], result["mutable_pipeline_id"] = d.version.Etag, d.script.Tag
		return reply{result: result, messages: d.notes}, nil
	})
}

// sortedNames are a map's keys in order.
func sortedNames[V any](m map[string]V) []string {
	names := []string{}
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
