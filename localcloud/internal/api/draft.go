package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// deployable is how many of the newest versions may serve.
const deployable = 100

// defaultCompatibilityDate is what a Worker without one gets.
const defaultCompatibilityDate = "2021-11-02"

var (
	scriptName = lazyregexp.New(`^[a-z0-9_][a-z0-9_-]{0,62}$`)
	isoDate    = lazyregexp.New(`^\d{4}-\d{2}-\d{2}$`)
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

// derived is a draft that starts as a copy of the newest version.
func (c *call) derived(tx *store.Tx) (*draft, error) {
	d, err := c.existing(tx)
	if err != nil {
		return nil, err
	}
	if d.latest == nil {
		return nil, refuse(http.StatusNotFound, 10222, "This Worker has no versions.")
	}
	d.version = *d.latest
	d.version.Annotations = nil // they describe one version and are not inherited
	return d, nil
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
	name := c.vars["script_name"]
	if c.dispatch.ID != "" {
		return store.UserWorker(c.dispatch.ID, name)
	}
	return name
}

// making says how a version is made.
type making struct {
	script  string                          // the Worker's name in the store
	trigger string                          // what the version says that it was triggered by
	waits   bool                            // it is kept without serving
	resolve func(*store.Tx) (*draft, error) // reads what the version is and refuses what it cannot be
}

// makeVersion makes a version, started once alone and kept, while no other change
// happens to its Worker. After an error everything is as it was.
func (c *call) makeVersion(m making) (*draft, error) {
	var d *draft
	_, err := c.exclusive(c.ctx, m.script, func() (any, error) {
		err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
			d, err = m.resolve(tx)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.seal(d, m.trigger)
		if err := c.start(d); err != nil {
			return nil, err
		}
		change := func(tx *store.Tx) error { return c.keep(tx, d) }
		if m.waits {
			return nil, c.store.Write(c.ctx, change)
		}
		return nil, c.publish(func(tx *store.Tx) error {
			if err := change(tx); err != nil {
				return err
			}
			return c.serveAlone(tx, d)
		})
	})
	return d, err
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
	found, err := c.runtime.Check(c.ctx, v.Account, v.Script, c.runtimeVersion(*v), runtimeClasses(d.classes()))
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

// keep adds the version to its Worker, which may be new.
func (c *call) keep(tx *store.Tx, d *draft) error {
	if err := tx.PutScript(d.script); err != nil {
		return err
	}
	for _, t := range d.moved {
		if err := t.take(tx, d.script.Account); err != nil {
			return err
		}
	}
	return tx.AddVersion(d.version)
}

// serveAlone deploys the version to all traffic.
func (c *call) serveAlone(tx *store.Tx, d *draft) error {
	if err := migrate(tx, &d.script, &d.version); err != nil {
		return err
	}
	return tx.AddDeployment(store.Deployment{
		ID: newUUID(), Account: d.script.Account, Script: d.script.Name, CreatedOn: c.now(), Source: d.version.Source,
		Annotations: deploymentAnnotations(d.version.Annotations, d.version.Annotations["workers/triggered_by"]),
		Versions:    []store.Share{{Version: d.version.ID, Percentage: 100}},
	})
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
