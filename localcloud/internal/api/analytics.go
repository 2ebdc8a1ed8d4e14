package api

import (
	"errors"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
)

func datasetEndpoints() []Endpoint {
	const path = accountPath + "/analytics_engine/sql"
	return []Endpoint{
		{Method: "GET", Pattern: path, Permissions: analytics, handle: (*call).analyticsSQL},
		{Method: "POST", Pattern: path, Permissions: analytics, handle: (*call).analyticsSQL, body: 1 << 20},
	}
}

// datasetName is what a dataset of Analytics Engine can be called.
var datasetName = lazyregexp.New(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// analyticsSQL answers a query of Analytics Engine: the body, or the parameter query.
func (c *call) analyticsSQL() (any, error) {
	query := c.query.Get("query")
	if c.req.Method == http.MethodPost {
		body, err := io.ReadAll(c.req.Body)
		if err != nil {
			return nil, bodyError(err)
		}
		query = string(body)
	}
	answer, err := c.datasets.Query(c.ctx, c.account.ID, query)
	var bad *dataset.BadQuery
	if errors.As(err, &bad) {
		return nil, refuse(http.StatusUnprocessableEntity, 10001, "The query cannot be answered: %s.", bad.Reason)
	}
	if err != nil {
		return nil, err
	}
	return reply{write: func(w http.ResponseWriter) error {
		w.Header().Set("Content-Type", answer.ContentType)
		_, err := w.Write(answer.Body)
		return err
	}}, nil
}
