package cloudflare

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Version is one upload of a Worker. Lists leave Resources empty.
type Version struct {
	ID            string           `json:"id"`
	Number        int              `json:"number"`
	Metadata      VersionMetadata  `json:"metadata"`
	Annotations   Annotations      `json:"annotations"`
	Resources     VersionResources `json:"resources"`
	StartupTimeMS int              `json:"startup_time_ms"` // only in the answer to CreateVersion
}

// VersionMetadata says who made a version and when.
type VersionMetadata struct {
	CreatedOn   time.Time `json:"created_on"`
	ModifiedOn  time.Time `json:"modified_on"`
	Source      string    `json:"source"`
	AuthorID    string    `json:"author_id"`
	AuthorEmail string    `json:"author_email"`
}

// VersionResources is what a version is made of.
type VersionResources struct {
	Bindings []Binding      `json:"bindings"`
	Script   VersionScript  `json:"script"`
	Runtime  VersionRuntime `json:"script_runtime"`
}

// VersionScript is a version's code.
type VersionScript struct {
	ETag             string   `json:"etag"`
	Handlers         []string `json:"handlers"`
	LastDeployedFrom string   `json:"last_deployed_from"`
}

// VersionRuntime is how a version's code is run.
type VersionRuntime struct {
	CompatibilityDate  string         `json:"compatibility_date"`
	CompatibilityFlags []string       `json:"compatibility_flags"`
	UsageModel         string         `json:"usage_model"`
	Limits             map[string]any `json:"limits"`
	MigrationTag       string         `json:"migration_tag"`
}

const versionsPath = scriptPath + "/versions"

// CreateVersion uploads a version that serves nothing until it is deployed. The Worker
// must exist and consist of ES modules, and the upload must have no durable object
// migration. It is never repeated when the outcome is unknown: look for Annotations.Tag
// among Versions.
func (c *Client) CreateVersion(ctx context.Context, account, script string, u Upload) (Version, error) {
	r, err := u.request(request{
		method: http.MethodPost, path: versionsPath, args: []string{account, script}, effect: creates,
		query: url.Values{"bindings_inherit": {"strict"}},
	})
	if err != nil {
		return Version{}, err
	}
	return call[Version](ctx, c, r)
}

type versionList struct {
	Items []Version `json:"items"`
}

// Versions lists a Worker's versions, newest first.
func (c *Client) Versions(ctx context.Context, account, script string) iter.Seq2[Version, error] {
	r := request{method: http.MethodGet, path: versionsPath, args: []string{account, script}, effect: reads}
	return pages(ctx, c, r, 100, func(l versionList) []Version { return l.Items })
}

// DeployableVersions lists the versions that can be deployed, newest first: Cloudflare
// keeps the last 100 and gives them in one piece.
func (c *Client) DeployableVersions(ctx context.Context, account, script string) ([]Version, error) {
	l, err := call[versionList](ctx, c, request{
		method: http.MethodGet, path: versionsPath, args: []string{account, script}, effect: reads,
		query: url.Values{"deployable": {"true"}},
	})
	return l.Items, err
}

// Version reads one version.
func (c *Client) Version(ctx context.Context, account, script, id string) (Version, error) {
	return call[Version](ctx, c, request{method: http.MethodGet, path: versionsPath + "/{version_id}", args: []string{account, script, id}, effect: reads})
}
