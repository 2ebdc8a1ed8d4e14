package api

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func deploymentEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: scriptPath + "/deployments", Permissions: scriptsWrite, handle: (*call).deploy},
		{Method: "GET", Pattern: scriptPath + "/deployments", Permissions: scriptsRead, handle: (*call).deployments},
		{Method: "GET", Pattern: scriptPath + "/deployments/{deployment_id}", Permissions: scriptsRead, handle: (*call).deploymentDetails},
		{Method: "DELETE", Pattern: scriptPath + "/deployments/{deployment_id}", Permissions: scriptsWrite, handle: (*call).deleteDeployment},
	}
}

// shareInput is a version's part of a deployment, as a client sends it.
type shareInput struct {
	VersionID  string   `json:"version_id"`
	Percentage *float64 `json:"percentage"`
}

// deploy is POST deployments: from now on these versions serve, with these shares.
func (c *call) deploy() (any, error) {
	var in struct {
		Strategy    string            `json:"strategy"`
		Versions    []shareInput      `json:"versions"`
		Annotations map[string]string `json:"annotations"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Strategy != "percentage" {
		return nil, refuse(http.StatusBadRequest, 10210, "The deployment's strategy must be \"percentage\", got %q.", in.Strategy)
	}
	shares, err := readShares(in.Versions)
	if err != nil {
		return nil, err
	}
	if err := checkAnnotations(in.Annotations); err != nil {
		return nil, err
	}
	return c.exclusive(c.ctx, c.scriptName(), func() (any, error) {
		made := store.Deployment{
			ID: newUUID(), Account: c.account.ID, Script: c.scriptName(), CreatedOn: c.now(), Source: c.source(), Versions: shares,
		}
		err := c.publish(func(tx *store.Tx) error {
			d, err := c.existing(tx)
			if err != nil {
				return err
			}
			trigger, err := c.mayServe(tx, d, shares)
			if err != nil {
				return err
			}
			made.Annotations = deploymentAnnotations(in.Annotations, trigger)
			if err := tx.PutScript(d.script); err != nil {
				return err
			}
			return tx.AddDeployment(made)
		})
		if err != nil {
			return nil, err
		}
		return deploymentJSON(made), nil
	})
}

// readShares holds the rules of a deployment: one or two different versions whose
// percentages are from 0 to 100 and sum to 100.
func readShares(in []shareInput) ([]store.Share, error) {
	bad := func(format string, args ...any) ([]store.Share, error) {
		return nil, refuse(http.StatusBadRequest, 10210, format, args...)
	}
	if len(in) < 1 || len(in) > 2 {
		return bad("A deployment has one or two versions, got %d.", len(in))
	}
	var out []store.Share
	sum := 0.0
	for _, v := range in {
		if v.Percentage == nil {
			return bad("Version %q has no percentage.", v.VersionID)
		}
		p := *v.Percentage
		if p < 0 || p > 100 {
			return bad("The percentage of version %q must be a number from 0 to 100, got %v.", v.VersionID, p)
		}
		sum += p
		out = append(out, store.Share{Version: v.VersionID, Percentage: p})
	}
	if math.Abs(sum-100) > 1e-6 {
		return bad("The percentages of a deployment must sum to 100, got %v.", sum)
	}
	if len(out) == 2 && out[0].Version == out[1].Version {
		return bad("A deployment names version %q twice.", out[0].Version)
	}
	return out, nil
}

// mayServe checks the versions of a deployment and says what kind of change it is.
func (c *call) mayServe(tx *store.Tx, d *draft, shares []store.Share) (trigger string, err error) {
	newest, highest := 0, 0
	var chosen []store.Version
	for _, share := range shares {
		v, err := c.versionOf(tx, d.script, share.Version)
		if err != nil {
			return "", err
		}
		if d.latest.Number-v.Number >= deployable {
			return "", refuse(http.StatusBadRequest, 10210, "Version %q is not one of the %d newest, which alone can serve.", v.ID, deployable)
		}
		if v.Migration != nil && len(shares) > 1 {
			return "", refuse(http.StatusBadRequest, 10210, "Version %q brings a Durable Object migration and is deployed alone.", v.ID)
		}
		if err := migrate(tx, &d.script, &v); err != nil {
			return "", err
		}
		if v.MigrationTag != d.script.MigrationTag {
			return "", refuse(http.StatusBadRequest, 10210, "Version %q was made before a Durable Object migration (its tag is %q, the Worker's is %q) and cannot serve any more.", v.ID, v.MigrationTag, d.script.MigrationTag)
		}
		newest = max(newest, v.Number)
		chosen = append(chosen, v)
	}
	if d.active == nil {
		return "deployment", nil
	}
	var current store.Version
	for _, share := range d.active.Versions {
		v, err := tx.Version(d.script.Account, d.script.Name, share.Version)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if v.Number > highest {
			highest, current = v.Number, v
		}
	}
	if newest >= highest {
		return "deployment", nil
	}
	if c.query.Get("force") != "true" {
		if names := changedSecrets(chosen, current); len(names) > 0 {
			return "", refuse(http.StatusBadRequest, 10220, "Secrets changed since this version was served, and the deployment would put the old values back. The following secrets have changed: %s", strings.Join(names, ", "))
		}
	}
	return "rollback", nil
}

// changedSecrets names the secrets that differ between what serves and what would.
func changedSecrets(chosen []store.Version, current store.Version) []string {
	var names []string
	have := secretsOf(current.Bindings)
	for _, v := range chosen {
		old := secretsOf(v.Bindings)
		for name, value := range have {
			if before, ok := old[name]; !ok || !before.same(value) {
				names = append(names, name)
			}
		}
		for name := range old {
			if _, ok := have[name]; !ok {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, cmp.Compare)
	return slices.Compact(names)
}
