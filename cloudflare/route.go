package cloudflare

import (
	"context"
	"net/http"
)

// Route sends the requests that match Pattern to the Worker Script, or past every
// Worker when Script is "".
type Route struct {
	ID      string `json:"id,omitempty"`
	Pattern string `json:"pattern"`
	Script  string `json:"script,omitempty"`
}

const routesPath = "/zones/{zone_id}/workers/routes"

// Routes lists all routes of a zone; Cloudflare gives them in one piece.
func (c *Client) Routes(ctx context.Context, zone string) ([]Route, error) {
	return call[[]Route](ctx, c, request{method: http.MethodGet, path: routesPath, args: []string{zone}, effect: reads})
}

// CreateRoute adds a route; a pattern that exists is refused with CodeRoutePatternExists.
func (c *Client) CreateRoute(ctx context.Context, zone string, r Route) (Route, error) {
	r.ID = ""
	return call[Route](ctx, c, request{method: http.MethodPost, path: routesPath, args: []string{zone}, effect: creates}.withJSON(r))
}

// UpdateRoute replaces the route id.
func (c *Client) UpdateRoute(ctx context.Context, zone, id string, r Route) (Route, error) {
	r.ID = ""
	return call[Route](ctx, c, request{method: http.MethodPut, path: routesPath + "/{route_id}", args: []string{zone, id}, effect: names}.withJSON(r))
}

// DeleteRoute removes the route id.
func (c *Client) DeleteRoute(ctx context.Context, zone, id string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: routesPath + "/{route_id}", args: []string{zone, id}, effect: names})
}
