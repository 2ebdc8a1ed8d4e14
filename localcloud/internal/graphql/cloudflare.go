package graphql

import (
	"context"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// The datasets of Cloudflare that the local cloud has figures for. Figures that it
// does not know, such as CPU time, are null.

// statuses are the outcomes of invocations in the words of workersInvocationsAdaptive.
var statuses = map[string]string{
	"ok": "success", "canceled": "clientDisconnected", "exception": "scriptThrewException", "responseStreamDisconnected": "responseStreamDisconnected",
	"exceededCpu": "exceededResources", "exceededMemory": "exceededResources", "exceededWallTime": "exceededResources",
	"scriptNotFound": "scriptNotFound", "internalError": "internalError", "unknown": "unknown",
}

// Workers is workersInvocationsAdaptive: every invocation of a Worker, by requests and
// by events, but not those of durable objects, which have datasets of their own at
// Cloudflare. Times are in microseconds.
func Workers(store *traffic.Store) Dataset {
	return Dataset{
		Name:      "workersInvocationsAdaptive",
		Labels:    []string{"scriptName", "scriptVersion", "status", "usageModel", "coloCode", "eventType"},
		Sum:       []string{"requests", "errors", "subrequests", "cpuTimeUs", "wallTime", "duration", "responseBodySize", "clientDisconnects", "requestDuration"},
		Avg:       []string{"sampleInterval"},
		Max:       []string{"cpuTime", "wallTime", "duration", "responseBodySize", "requestDuration", "memoryUsageBytes", "wasmMemoryBytes"},
		Quantiles: []string{"cpuTime", "wallTime", "duration", "responseBodySize", "requestDuration"},
		Scan: func(ctx context.Context, account string, from, to time.Time, yield func(Row) error) error {
			filter := traffic.Filter{Account: account, From: from, To: to, Workers: true, Figures: true}
			return store.Each(ctx, filter, func(r traffic.Record) error { return yield(invocation(r)) })
		},
	}
}

func invocation(r traffic.Record) Row {
	status := statuses[r.Outcome]
	if status == "" {
		status = r.Outcome
	}
	figures := map[string]float64{"requests": 1, "errors": 0, "clientDisconnects": 0}
	switch status {
	case "success", "responseStreamDisconnected":
	case "clientDisconnected":
		figures["clientDisconnects"] = 1
	default:
		figures["errors"] = 1
	}
	known := func(name string, d time.Duration) {
		if d >= 0 {
			figures[name] = float64(d.Microseconds())
		}
	}
	known("wallTime", r.Wall)
	known("requestDuration", r.Duration)
	known("cpuTime", r.CPU)
	known("cpuTimeUs", r.CPU)
	if r.Bytes >= 0 {
		figures["responseBodySize"] = float64(r.Bytes)
	}
	return Row{Time: r.Time, Figures: figures, Labels: map[string]string{
		"scriptName": r.Script, "scriptVersion": r.Version, "status": status, "usageModel": "standard", "coloCode": "LCL", "eventType": r.Trigger,
	}}
}

// Databases tells the databases of an account and how large each is now.
type Databases func(account string) (map[string]int64, error)

// D1Calls is d1AnalyticsAdaptiveGroups: the calls of databases.
func D1Calls(store *traffic.Store, databases Databases) Dataset {
	return Dataset{
		Name:      "d1AnalyticsAdaptiveGroups",
		Labels:    []string{"databaseId"},
		Count:     true,
		Sum:       []string{"readQueries", "writeQueries", "rowsRead", "rowsWritten", "queryBatchResponseBytes", "queryBatchTimeMs"},
		Avg:       []string{"sampleInterval", "queryBatchResponseBytes", "queryBatchTimeMs"},
		Quantiles: []string{"queryBatchTimeMs", "queryBatchResponseBytes"},
		Scan: func(ctx context.Context, account string, from, to time.Time, yield func(Row) error) error {
			return each(databases, account, func(id string, _ int64) error {
				return store.Calls(ctx, id, from, to, func(c d1.Call) error {
					return yield(Row{Time: c.At, Labels: map[string]string{"databaseId": id}, Figures: map[string]float64{
						"readQueries": float64(c.Reads), "writeQueries": float64(c.Writes), "rowsRead": float64(c.RowsRead), "rowsWritten": float64(c.RowsWritten),
						"queryBatchResponseBytes": float64(c.ResponseBytes), "queryBatchTimeMs": millis(c.Duration),
					}})
				})
			})
		},
	}
}

// D1Queries is d1QueriesAdaptiveGroups: the statements that ran.
func D1Queries(store *traffic.Store, databases Databases) Dataset {
	figures := []string{"queryDurationMs", "rowsRead", "rowsWritten", "rowsReturned"}
	return Dataset{
		Name: "d1QueriesAdaptiveGroups", Labels: []string{"databaseId", "query"}, Count: true,
		Sum: figures, Avg: append([]string{"sampleInterval"}, figures...), Quantiles: figures,
		Scan: func(ctx context.Context, account string, from, to time.Time, yield func(Row) error) error {
			return each(databases, account, func(id string, _ int64) error {
				return store.Statements(ctx, id, from, to, func(at time.Time, e d1.Executed) error {
					return yield(Row{Time: at, Labels: map[string]string{"databaseId": id, "query": e.Text}, Figures: map[string]float64{
						"queryDurationMs": millis(e.Duration), "rowsRead": float64(e.RowsRead), "rowsWritten": float64(e.RowsWritten), "rowsReturned": float64(e.RowsReturned),
					}})
				})
			})
		},
	}
}

// D1Storage is d1StorageAdaptiveGroups: how large databases are. Only what they are
// now is known, so there is one row for each, of now.
func D1Storage(databases Databases, now func() time.Time) Dataset {
	return Dataset{
		Name: "d1StorageAdaptiveGroups", Labels: []string{"databaseId"}, Count: true, Max: []string{"databaseSizeBytes"}, Avg: []string{"sampleInterval"},
		Scan: func(_ context.Context, account string, _, _ time.Time, yield func(Row) error) error {
			return each(databases, account, func(id string, size int64) error {
				return yield(Row{Time: now(), Labels: map[string]string{"databaseId": id}, Figures: map[string]float64{"databaseSizeBytes": float64(size)}})
			})
		},
	}
}

// Buckets are the R2 buckets of an account, by the names that analytics have for them,
// and what they hold.
type Buckets func(account string) (map[string]r2.Usage, error)

// R2Storage is r2StorageAdaptiveGroups: how much buckets hold. Only what they hold now
// is known, so there is one row for each, of now; a query that ends in the minute
// before means now too.
func R2Storage(buckets Buckets, now func() time.Time) Dataset {
	return Dataset{
		Name: "r2StorageAdaptiveGroups", Labels: []string{"bucketName"}, Count: true, Max: []string{"objectCount", "payloadSize", "metadataSize"}, Avg: []string{"sampleInterval"},
		Scan: func(_ context.Context, account string, _, to time.Time, yield func(Row) error) error {
			held, err := buckets(account)
			if err != nil {
				return err
			}
			at := now()
			// The bound is two seconds behind what a filter by datetime names.
			if asked := to.Add(-3 * time.Second); !to.IsZero() && at.After(asked) && at.Sub(asked) < time.Minute {
				at = asked
			}
			for name, u := range held {
				figures := map[string]float64{"objectCount": float64(u.Objects), "payloadSize": float64(u.Bytes), "metadataSize": float64(u.Metadata)}
				if err := yield(Row{Time: at, Labels: map[string]string{"bucketName": name}, Figures: figures}); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func each(databases Databases, account string, fn func(id string, size int64) error) error {
	sizes, err := databases(account)
	if err != nil {
		return err
	}
	for id, size := range sizes {
		if err := fn(id, size); err != nil {
			return err
		}
	}
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
