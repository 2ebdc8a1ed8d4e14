package api

import (
	"cmp"
	"net/http"

	"github.com/tamylaa/clodo/localcloud/internal/telemetry"
)

func telemetryEndpoints() []Endpoint {
	const path = accountPath + "/workers/observability/telemetry"
	return []Endpoint{
		{Method: "POST", Pattern: path + "/query", Permissions: observabilityWrite, handle: (*call).telemetryQuery},
		{Method: "POST", Pattern: path + "/keys", Permissions: observabilityWrite, handle: (*call).telemetryKeys},
		{Method: "POST", Pattern: path + "/values", Permissions: observabilityWrite, handle: (*call).telemetryValues},
	}
}

// observabilityWrite is what Cloudflare asks for even of those who only read.
var observabilityWrite = []string{"Workers Observability Write"}

func (c *call) telemetry() telemetry.Source {
	return telemetry.Source{Store: c.traffic, Account: c.account.ID, Now: c.now}
}

// told is an answer of telemetry, whose message is always the same.
func told(result any, err error) (any, error) {
	if reason, ok := telemetry.IsBad(err); ok {
		return nil, refuse(http.StatusBadRequest, 10001, "Invalid query: %s.", reason)
	}
	if err != nil {
		return nil, err
	}
	return reply{result: result, messages: []message{{Message: "Successful request"}}}, nil
}

// telemetryQuery answers questions about what Workers logged.
func (c *call) telemetryQuery() (any, error) {
	var q telemetry.Query
	if err := c.decode(&q); err != nil {
		return nil, err
	}
	q.ID = cmp.Or(q.ID, newUUID()) // an answer names its query
	return told(c.telemetry().Run(c.ctx, q))
}

func (c *call) telemetryKeys() (any, error) {
	var k telemetry.Keys
	if err := c.decode(&k); err != nil {
		return nil, err
	}
	return told(c.telemetry().Keys(c.ctx, k))
}

func (c *call) telemetryValues() (any, error) {
	var k telemetry.Keys
	if err := c.decode(&k); err != nil {
		return nil, err
	}
	return told(c.telemetry().Values(c.ctx, k))
}
