package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func databaseEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "GET", Pattern: accountPath + "/d1/database", Permissions: d1Read, handle: (*call).listDatabases},
		{Method: "POST", Pattern: accountPath + "/d1/database", Permissions: d1Write, handle: (*call).addDatabase},
		{Method: "GET", Pattern: databasePath, Permissions: d1Read, handle: (*call).databaseDetails},
		{Method: "PATCH", Pattern: databasePath, Permissions: d1Write, handle: (*call).editDatabase},
		{Method: "PUT", Pattern: databasePath, Permissions: d1Write, handle: (*call).editDatabase},
		{Method: "DELETE", Pattern: databasePath, Permissions: d1Write, handle: (*call).deleteDatabase},
		{Method: "POST", Pattern: databasePath + "/query", Permissions: d1Read, handle: (*call).queryDatabase},
		{Method: "POST", Pattern: databasePath + "/raw", Permissions: d1Read, handle: (*call).queryDatabaseRaw},
	}
}

var databaseName = lazyregexp.New(`^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$`)

func (c *call) databaseJSON(d store.Database) map[string]any {
	m := map[string]any{
		"uuid": d.ID, "name": d.Name, "version": "production", "created_at": stamp(d.CreatedOn),
		"jurisdiction": nil, "read_replication": map[string]string{"mode": d.ReadReplication},
	}
	if d.Jurisdiction != "" {
		m["jurisdiction"] = d.Jurisdiction
	}
	return m
}

func (c *call) listDatabases() (any, error) {
	listed := []map[string]any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		all, err := tx.Databases(c.account.ID)
		for _, d := range all {
			// The filter is a search: part of a name is enough.
			if strings.Contains(d.Name, c.query.Get("name")) {
				listed = append(listed, c.databaseJSON(d))
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cut(pages{10, 1000, 10_000}, c.query, listed)
}

func (c *call) addDatabase() (any, error) {
	var in struct {
		Name            string `json:"name"`
		Location        string `json:"primary_location_hint"`
		Jurisdiction    string `json:"jurisdiction"`
		ReadReplication struct {
			Mode string `json:"mode"`
		} `json:"read_replication"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !databaseName.MatchString(in.Name) {
		return nil, refuse(http.StatusBadRequest, 7400, "Database name %q must be letters, digits, hyphens and underscores, up to 64, and start with a letter or a digit.", in.Name)
	}
	for _, given := range []struct {
		field, value string
		known        []string
	}{
		{"primary_location_hint", in.Location, []string{"wnam", "enam", "weur", "eeur", "apac", "oc"}},
		{"jurisdiction", in.Jurisdiction, []string{"eu", "fedramp", "us"}},
		{"read_replication.mode", in.ReadReplication.Mode, []string{"auto", "disabled"}},
	} {
		if given.value != "" && !slices.Contains(given.known, given.value) {
			return nil, refuse(http.StatusBadRequest, 7400, "%s is one of %s, not %q.", given.field, strings.Join(given.known, ", "), given.value)
		}
	}
	d := store.Database{
		ID: newUUID(), Account: c.account.ID, Name: in.Name, Location: in.Location, Jurisdiction: in.Jurisdiction,
		ReadReplication: in.ReadReplication.Mode, CreatedOn: c.now(),
	}
	if d.ReadReplication == "" {
		d.ReadReplication = "disabled"
	}
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		if err := c.checkDatabaseCount(tx); err != nil {
			return err
		}
		if err := tx.PutDatabase(d); errors.Is(err, store.ErrExists) {
			return refuse(http.StatusBadRequest, 7502, "Database with name '%s' already exists", d.Name)
		} else if err != nil {
			return err
		}
		return c.databases.Create(d.ID)
	})
	if err != nil {
		return nil, err
	}
	return c.measured(d)
}

// database is the one of the path, by id or by name.
func (c *call) database(tx *store.Tx) (store.Database, error) {
	d, err := tx.Database(c.account.ID, c.vars["database_id"])
	if errors.Is(err, store.ErrNotFound) {
		err = refuse(http.StatusNotFound, 7404, "The database %s could not be found", c.vars["database_id"])
	}
	return d, err
}

func (c *call) findDatabase() (d store.Database, err error) {
	err = c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		d, err = c.database(tx)
		return err
	})
	return d, err
}

// openDatabase is findDatabase with the database itself.
func (c *call) openDatabase() (store.Database, *d1.DB, error) {
	d, err := c.findDatabase()
	if err != nil {
		return d, nil, err
	}
	db, err := c.databases.Get(d.ID)
	return d, db, err
}

func (c *call) databaseDetails() (any, error) {
	d, err := c.findDatabase()
	if err != nil {
		return nil, err
	}
	return c.measured(d)
}

// measured adds what only the engine knows.
func (c *call) measured(d store.Database) (any, error) {
	db, err := c.databases.Get(d.ID)
	if err != nil {
		return nil, err
	}
	info, err := db.Info(c.ctx)
	if err != nil {
		return nil, err
	}
	m := c.databaseJSON(d)
	m["num_tables"], m["file_size"], m["running_in_region"] = info.Tables, info.Size, "LOCAL"
	return m, nil
}

func (c *call) editDatabase() (any, error) {
	var in struct {
		ReadReplication *struct {
			Mode string `json:"mode"`
		} `json:"read_replication"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var d store.Database
	err := c.store.Write(c.ctx, func(tx *store.Tx) (err error) {
		if d, err = c.database(tx); err != nil || in.ReadReplication == nil {
			return err
		}
		if mode := in.ReadReplication.Mode; mode != "auto" && mode != "disabled" {
			return refuse(http.StatusBadRequest, 7400, "The mode of read_replication must be auto or disabled, got %q.", mode)
		}
		d.ReadReplication = in.ReadReplication.Mode
		return tx.PutDatabase(d)
	})
	if err != nil {
		return nil, err
	}
	return c.measured(d)
}

func (c *call) deleteDatabase() (any, error) {
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		d, err := c.database(tx)
		if err != nil {
			return err
		}
		if err := tx.DeleteDatabase(d.ID); err != nil {
			return err
		}
		if err := c.databases.Delete(d.ID); err != nil && !errors.Is(err, d1.ErrNotFound) {
			return err
		}
		return nil
	})
	return nil, err
}

func (c *call) queryDatabase() (any, error)    { return c.runQuery(false) }
func (c *call) queryDatabaseRaw() (any, error) { return c.runQuery(true) }

func (c *call) runQuery(rows bool) (any, error) {
	var in struct {
		SQL    string            `json:"sql"`
		Params []json.RawMessage `json:"params"`
		Batch  []d1.Statement    `json:"batch"`
	}
	if err := c.decode(&in); err != nil {
		if e := (*Error)(nil); errors.As(err, &e) {
			err = refuse(e.Status, 7400, "The request is malformed: %s", e.Message)
		}
		return nil, err
	}
	if (in.SQL == "") == (len(in.Batch) == 0) {
		return nil, refuse(http.StatusBadRequest, 7400, "The request is malformed: it needs either `sql` or a `batch`.")
	}
	batch := in.Batch
	if in.SQL != "" {
		batch = []d1.Statement{{SQL: in.SQL, Params: in.Params}}
	}
	_, db, err := c.openDatabase()
	if err != nil {
		return nil, err
	}
	out, err := db.Query(c.ctx, d1.Request{Batch: batch, Rows: rows, EveryStatement: true})
	if sql := (*d1.Error)(nil); errors.As(err, &sql) {
		refused := refuse(http.StatusBadRequest, 7500, "%s", sql.Message)
		refused.Result = []any{} // and not null, as elsewhere
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	return json.RawMessage(out), nil
}
