package cloudflare

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Database is a D1 database. Lists leave FileSize and NumTables out.
type Database struct {
	ID              string          `json:"uuid"`
	Name            string          `json:"name"`
	Version         string          `json:"version"` // production
	CreatedAt       time.Time       `json:"created_at"`
	FileSize        int64           `json:"file_size"` // bytes
	NumTables       int             `json:"num_tables"`
	RunningInRegion string          `json:"running_in_region"`
	Jurisdiction    string          `json:"jurisdiction"`
	ReadReplication ReadReplication `json:"read_replication"`
}

// ReadReplication says whether a database is copied near its readers.
type ReadReplication struct {
	Mode string `json:"mode"` // auto or disabled
}

// NewDatabase asks for a database; only Name is required.
type NewDatabase struct {
	Name         string `json:"name"`
	LocationHint string `json:"primary_location_hint,omitempty"` // wnam, enam, weur, eeur, apac or oc
	Jurisdiction string `json:"jurisdiction,omitempty"`          // eu or fedramp; wins over LocationHint
}

// Statement is SQL, of one or several statements, with the values of its placeholders.
type Statement struct {
	SQL    string `json:"sql"`
	Params []any  `json:"params,omitempty"`
}

// Query is one call to a database: either the embedded statement, or Batch. Either is
// one transaction.
type Query struct {
	Statement
	Batch []Statement
	// ReadOnly says that repeating the query is harmless, so that it may be repeated
	// after a lost answer.
	ReadOnly bool
}

// Rows is what one statement gave, rows as objects.
type Rows struct {
	Success bool             `json:"success"`
	Results []map[string]any `json:"results"` // numbers are json.Number
	Meta    QueryMeta        `json:"meta"`
}

// RawRows is what one statement gave, rows as lists in the order of Columns. Unlike
// Rows it survives two columns of the same name.
type RawRows struct {
	Success bool `json:"success"`
	Results struct {
		Columns []string `json:"columns"`
		Rows    [][]any  `json:"rows"` // numbers are json.Number
	} `json:"results"`
	Meta QueryMeta `json:"meta"`
}

// QueryMeta is what a statement cost and changed.
type QueryMeta struct {
	ServedBy    string  `json:"served_by"`
	Duration    float64 `json:"duration"` // milliseconds
	Changes     int64   `json:"changes"`
	LastRowID   int64   `json:"last_row_id"`
	ChangedDB   bool    `json:"changed_db"`
	SizeAfter   int64   `json:"size_after"` // bytes
	RowsRead    int64   `json:"rows_read"`
	RowsWritten int64   `json:"rows_written"`
}

const (
	databasesPath = "/accounts/{account_id}/d1/database"
	databasePath  = databasesPath + "/{database_id}"
)

// Databases lists D1 databases; name filters when not "", and may match a part only.
func (c *Client) Databases(ctx context.Context, account, name string) iter.Seq2[Database, error] {
	q := url.Values{}
	set(q, "name", name)
	return pages(ctx, c, request{method: http.MethodGet, path: databasesPath, args: []string{account}, query: q, effect: reads}, 1000, itself[Database])
}

// CreateDatabase makes a D1 database.
func (c *Client) CreateDatabase(ctx context.Context, account string, d NewDatabase) (Database, error) {
	return call[Database](ctx, c, request{method: http.MethodPost, path: databasesPath, args: []string{account}, effect: creates}.withJSON(d))
}

// Database reads one database, by id or name.
func (c *Client) Database(ctx context.Context, account, database string) (Database, error) {
	return call[Database](ctx, c, request{method: http.MethodGet, path: databasePath, args: []string{account, database}, effect: reads})
}

// DeleteDatabase removes a database with its data.
func (c *Client) DeleteDatabase(ctx context.Context, account, database string) error {
	return c.run(ctx, request{method: http.MethodDelete, path: databasePath, args: []string{account, database}, effect: names})
}

// Query runs SQL and gives one Rows for each statement.
func (c *Client) Query(ctx context.Context, account, database string, q Query) ([]Rows, error) {
	return query[Rows](ctx, c, "/query", account, database, q)
}

// QueryRaw is Query with rows as lists.
func (c *Client) QueryRaw(ctx context.Context, account, database string, q Query) ([]RawRows, error) {
	return query[RawRows](ctx, c, "/raw", account, database, q)
}

func query[T any](ctx context.Context, c *Client, how, account, database string, q Query) ([]T, error) {
	r := request{method: http.MethodPost, path: databasePath + how, args: []string{account, database}, effect: creates}
	if q.ReadOnly {
		r.effect = reads
	}
	var body any = q.Statement
	if q.Batch != nil {
		body = struct {
			Batch []Statement `json:"batch"`
		}{q.Batch}
	}
	raw, err := call[json.RawMessage](ctx, c, r.withJSON(body))
	if err != nil {
		return nil, err
	}
	// Integers beyond 2^53 are lost unless numbers stay as they were written.
	var list []T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("read the query's result: %w", err)
	}
	return list, nil
}
