package cloudflare

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Deployment is which versions serve a Worker's requests.
type Deployment struct {
	ID          string      `json:"id"`
	Source      string      `json:"source"`
	Strategy    string      `json:"strategy"`
	AuthorEmail string      `json:"author_email"`
	CreatedOn   time.Time   `json:"created_on"`
	Annotations Annotations `json:"annotations"`
	Versions    []Share     `json:"versions"`
}

// Share is the part of the requests that a version gets, 0 to 100 percent. A version
// at 0 is reached by a version override only.
type Share struct {
	VersionID  string  `json:"version_id"`
	Percentage float64 `json:"percentage"`
}

// NewDeployment asks for a deployment of one version, or of two whose shares sum to 100.
type NewDeployment struct {
	Versions    []Share
	Annotations Annotations
	// Force deploys a version though secrets have changed since it was made
	// (CodeSecretsChanged).
	Force bool
}

const deploymentsPath = scriptPath + "/deployments"

// CreateDeployment makes versions serve. When its outcome is unknown, Deployments tells.
func (c *Client) CreateDeployment(ctx context.Context, account, script string, d NewDeployment) (Deployment, error) {
	q := url.Values{}
	if d.Force {
		q.Set("force", "true")
	}
	body := struct {
		Strategy    string      `json:"strategy"`
		Versions    []Share     `json:"versions"`
		Annotations Annotations `json:"annotations,omitzero"`
	}{"percentage", d.Versions, d.Annotations}
	return call[Deployment](ctx, c, request{
		method: http.MethodPost, path: deploymentsPath, args: []string{account, script}, query: q, effect: creates,
	}.withJSON(body))
}

// Deployments lists a Worker's deployments, newest first; the first one serves.
// Cloudflare gives the latest ones in one piece.
func (c *Client) Deployments(ctx context.Context, account, script string) ([]Deployment, error) {
	l, err := call[struct {
		Deployments []Deployment `json:"deployments"`
	}](ctx, c, request{method: http.MethodGet, path: deploymentsPath, args: []string{account, script}, effect: reads})
	return l.Deployments, err
}

// Deployment reads one deployment.
func (c *Client) Deployment(ctx context.Context, account, script, id string) (Deployment, error) {
	return call[Deployment](ctx, c, request{method: http.MethodGet, path: deploymentsPath + "/{deployment_id}", args: []string{account, script, id}, effect: reads})
}
