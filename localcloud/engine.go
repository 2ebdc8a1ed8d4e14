package localcloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"

	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// newWorkers prepares the real Workers runtime. Its binary is looked for, and
// downloaded when it is missing, when the first Worker is uploaded.
func newWorkers(c *Cloud) (workers, error) {
	o, s := c.options, c.storage
	binary := func(ctx context.Context) (string, error) {
		return workerd.Path(ctx, npm.Installer{Notice: o.Notice})
	}
	_, port, err := net.SplitHostPort(c.dataServer.addr())
	if err != nil {
		return nil, fmt.Errorf("the address of the data port: %w", err)
	}
	return runtime.New(runtime.Options{
		Dir: filepath.Join(o.Dir, "workers"), Workerd: binary, Log: o.Log,
		Observer: s.traffic,
		Previewed: func(ctx context.Context, account, script, name string) (*runtime.Version, error) {
			return c.api.Previewed(ctx, account, script, name)
		},
		// As requests from outside, but for what people and their browsers are told.
		Calls: func(next http.Handler) http.Handler { return c.faults.Data(c.withCertificates(next)) },
		Port:  port,
		Resources: map[string]runtime.Resource{
			"d1":        s.databases.Binding,
			"kv":        s.namespaces.Binding,
			"ratelimit": s.limits.Binding,
			"r2":        s.buckets.Binding,
			"queue":     s.queues.Binding,
			"mail":      s.mails.Binding,
			"secret":    s.secrets.Binding,
			"vectorize": s.vectors.Binding,
			"ai":        s.models.Binding,
			"analytics": s.datasets.Binding,
			"cache":     s.caches.Binding,
		},
	})
}
