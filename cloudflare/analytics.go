package cloudflare

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// GraphQL asks Cloudflare's analytics. result is what "data" is read into. The API
// answers a refused query with HTTP 200; that is an *Error here all the same.
func (c *Client) GraphQL(ctx context.Context, query string, variables map[string]any, result any) error {
	body := struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables,omitempty"`
	}{query, variables}
	r := request{method: http.MethodPost, path: "/graphql", effect: reads, bare: true}.withJSON(body)
	a, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	var wire struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	fail := &Error{Method: r.method, Path: r.path, Status: a.status, RequestID: a.header.Get("Cf-Ray"), Attempts: 1}
	if err := json.Unmarshal(a.result, &wire); err != nil {
		fail.Err = fmt.Errorf("the answer is not the JSON of Cloudflare's analytics (it starts with %q)", start(a.result))
		return fail
	}
	for _, e := range wire.Errors {
		fail.Details = append(fail.Details, Detail{Message: e.Message})
	}
	if len(fail.Details) > 0 {
		return fail
	}
	if err := json.Unmarshal(wire.Data, result); err != nil {
		fail.Err = fmt.Errorf("read the analytics: %w", err)
		return fail
	}
	return nil
}

// InvocationsQuery chooses which requests WorkersInvocations counts.
type InvocationsQuery struct {
	Account  string
	Script   string
	From, To time.Time
}

// Invocations counts a Worker's requests that share version and status. Cloudflare
// samples: numbers are estimates.
type Invocations struct {
	Version     string // version id
	Status      string // success, clientDisconnected, scriptThrewException, exceededResources, internalError, …
	Requests    int64
	Errors      int64
	Subrequests int64
	CPUTimeP50  time.Duration
	CPUTimeP99  time.Duration
	WallTimeP50 time.Duration
	WallTimeP99 time.Duration
}

const invocationsQuery = `query WorkersInvocations($account: string!, $script: string!, $from: Time!, $to: Time!) {
  viewer { accounts(filter: {accountTag: $account}) {
    workersInvocationsAdaptive(limit: 10000, filter: {scriptName: $script, datetime_geq: $from, datetime_leq: $to}) {
      dimensions { scriptVersion status }
      sum { requests errors subrequests }
      quantiles { cpuTimeP50 cpuTimeP99 wallTimeP50 wallTimeP99 }
    }
  } }
}`

// WorkersInvocations reads how often a Worker was called and how that went, by version
// and status.
func (c *Client) WorkersInvocations(ctx context.Context, q InvocationsQuery) ([]Invocations, error) {
	var data struct {
		Viewer struct {
			Accounts []struct {
				Nodes []struct {
					Dimensions struct {
						ScriptVersion string `json:"scriptVersion"`
						Status        string `json:"status"`
					} `json:"dimensions"`
					Sum struct {
						Requests    int64 `json:"requests"`
						Errors      int64 `json:"errors"`
						Subrequests int64 `json:"subrequests"`
					} `json:"sum"`
					Quantiles struct { // microseconds
						CPUTimeP50  float64 `json:"cpuTimeP50"`
						CPUTimeP99  float64 `json:"cpuTimeP99"`
						WallTimeP50 float64 `json:"wallTimeP50"`
						WallTimeP99 float64 `json:"wallTimeP99"`
					} `json:"quantiles"`
				} `json:"workersInvocationsAdaptive"`
			} `json:"accounts"`
		} `json:"viewer"`
	}
	err := c.GraphQL(ctx, invocationsQuery, map[string]any{
		"account": q.Account, "script": q.Script,
		"from": q.From.UTC().Format(time.RFC3339), "to": q.To.UTC().Format(time.RFC3339),
	}, &data)
	if err != nil {
		return nil, err
	}
	micros := func(n float64) time.Duration { return time.Duration(n * float64(time.Microsecond)) }
	var list []Invocations
	for _, account := range data.Viewer.Accounts {
		for _, n := range account.Nodes {
			list = append(list, Invocations{
				Version: n.Dimensions.ScriptVersion, Status: n.Dimensions.Status,
				Requests: n.Sum.Requests, Errors: n.Sum.Errors, Subrequests: n.Sum.Subrequests,
				CPUTimeP50: micros(n.Quantiles.CPUTimeP50), CPUTimeP99: micros(n.Quantiles.CPUTimeP99),
				WallTimeP50: micros(n.Quantiles.WallTimeP50), WallTimeP99: micros(n.Quantiles.WallTimeP99),
			})
		}
	}
	return list, nil
}
