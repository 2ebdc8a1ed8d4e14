package api

import (
	"errors"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func routeEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: zonePath + "/workers/routes", Permissions: routesRead, handle: (*call).zoneRoutes},
		{Method: "POST", Pattern: zonePath + "/workers/routes", Permissions: routesWrite, handle: (*call).addRoute},
		{Method: "GET", Pattern: zonePath + "/workers/routes/{route_id}", Permissions: routesRead, handle: (*call).routeDetails},
		{Method: "PUT", Pattern: zonePath + "/workers/routes/{route_id}", Permissions: routesWrite, handle: (*call).editRoute},
		{Method: "DELETE", Pattern: zonePath + "/workers/routes/{route_id}", Permissions: routesWrite, handle: (*call).deleteRoute},
		{Method: "PUT", Pattern: scriptPath + "/routes", Permissions: routesWrite, handle: (*call).putScriptRoutes},
		{Method: "GET", Pattern: scriptPath + "/routes", Permissions: routesRead, handle: (*call).scriptRoutes},
	}
}

func routeJSON(r store.Route) map[string]any {
	m := map[string]any{"id": r.ID, "pattern": r.Pattern}
	if r.Script != "" {
		m["script"] = r.Script
	}
	return m
}

func (c *call) zoneRoutes() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Routes(c.zone.ID)
		for _, r := range all {
			listed = append(listed, routeJSON(r))
		}
		return err
	})
	return listed, err
}

type routeInput struct {
	Pattern  string `json:"pattern"`
	Script   string `json:"script"`
	ZoneID   string `json:"zone_id"`
	ZoneName string `json:"zone_name"`
}

func (c *call) addRoute() (any, error) {
	return c.writeRoute(func(tx *store.Tx) (store.Route, error) {
		return store.Route{ID: newID(), Zone: c.zone.ID, Account: c.account.ID}, c.checkRouteCount(tx, c.zone)
	})
}

func (c *call) editRoute() (any, error) { return c.writeRoute(c.route) }

func (c *call) writeRoute(base func(*store.Tx) (store.Route, error)) (any, error) {
	var in routeInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var r store.Route
	err := c.publish(func(tx *store.Tx) (err error) {
		if r, err = base(tx); err != nil {
			return err
		}
		r.Pattern, r.Script = in.Pattern, in.Script
		return putRoute(tx, r, c.zone)
	})
	if err != nil {
		return nil, err
	}
	return routeJSON(r), nil
}

// putRoute keeps a route after checking it.
func putRoute(tx *store.Tx, r store.Route, zone store.Zone) error {
	p, err := parsePattern(r.Pattern)
	if err != nil {
		return refuse(http.StatusBadRequest, 10022, "Route pattern %q cannot be used: %s.", r.Pattern, err)
	}
	if !p.within(zone.Name) {
		return refuse(http.StatusBadRequest, 10022, "Route pattern %q is outside of zone %s.", r.Pattern, zone.Name)
	}
	if r.Script != "" {
		if _, err := tx.Script(r.Account, r.Script); err != nil {
			return missing(err, 10019, "Route %q leads to Worker %q, which does not exist.", r.Pattern, r.Script)
		}
	}
	if err := tx.PutRoute(r); errors.Is(err, store.ErrExists) {
		return refuse(http.StatusConflict, 10020, "A route with the same pattern already exists.")
	} else if err != nil {
		return err
	}
	return nil
}

func (c *call) route(tx *store.Tx) (store.Route, error) {
	all, err := tx.Routes(c.zone.ID)
	if err != nil {
		return store.Route{}, err
	}
	i := slices.IndexFunc(all, func(r store.Route) bool { return r.ID == c.vars["route_id"] })
	if i < 0 {
		return store.Route{}, refuse(http.StatusNotFound, 10009, "Zone %s has no route %q.", c.zone.Name, c.vars["route_id"])
	}
	return all[i], nil
}

func (c *call) routeDetails() (any, error) {
	var result any
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		r, err := c.route(tx)
		result = routeJSON(r)
		return err
	})
	return result, err
}

func (c *call) deleteRoute() (any, error) {
	err := c.publish(func(tx *store.Tx) error {
		r, err := c.route(tx)
		if err != nil {
			return err
		}
		return tx.DeleteRoute(r.ID)
	})
	return map[string]string{"id": c.vars["route_id"]}, err
}

func (c *call) scriptRoutes() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		all, err := tx.ScriptRoutes(s.Account, s.Name)
		for _, r := range all {
			listed = append(listed, routeJSON(r))
		}
		return err
	})
	return listed, err
}

// putScriptRoutes makes the given patterns all the routes that a Worker has.
func (c *call) putScriptRoutes() (any, error) {
	var in []routeInput
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	patterns := []string{}
	err := c.publish(func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		stale, err := tx.ScriptRoutes(s.Account, s.Name)
		if err != nil {
			return err
		}
		for _, wanted := range in {
			zone, err := c.zoneOfRoute(tx, wanted)
			if err != nil {
				return err
			}
			patterns = append(patterns, wanted.Pattern)
			if i := slices.IndexFunc(stale, func(r store.Route) bool { return r.Pattern == wanted.Pattern && r.Zone == zone.ID }); i >= 0 {
				stale = slices.Delete(stale, i, i+1)
				continue
			}
			if err := c.checkRouteCount(tx, zone); err != nil {
				return err
			}
			r := store.Route{ID: newID(), Zone: zone.ID, Account: s.Account, Script: s.Name, Pattern: wanted.Pattern}
			if err := putRoute(tx, r, zone); err != nil {
				return err
			}
		}
		for _, r := range stale {
			if err := tx.DeleteRoute(r.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return patterns, err
}

// zoneOfRoute is the zone that a client named, or the one that covers the pattern.
func (c *call) zoneOfRoute(tx *store.Tx, in routeInput) (store.Zone, error) {
	p, err := parsePattern(in.Pattern)
	if err != nil {
		return store.Zone{}, refuse(http.StatusBadRequest, 10022, "Route pattern %q cannot be used: %s.", in.Pattern, err)
	}
	all, err := tx.Zones()
	if err != nil {
		return store.Zone{}, err
	}
	for _, z := range all {
		if z.Account == c.account.ID && (in.ZoneID != "" && z.ID == in.ZoneID || in.ZoneID == "" && in.ZoneName != "" && z.Name == in.ZoneName) {
			return z, nil
		}
	}
	if in.ZoneID != "" || in.ZoneName != "" {
		return store.Zone{}, refuse(http.StatusBadRequest, 10022, "Route %q names zone %q, which this account does not have.", in.Pattern, in.ZoneID+in.ZoneName)
	}
	z, err := zoneOf(tx, c.account.ID, p.host)
	if errors.Is(err, store.ErrNotFound) {
		err = refuse(http.StatusBadRequest, 10022, "No zone of this account covers route pattern %q.", in.Pattern)
	}
	return z, err
}
