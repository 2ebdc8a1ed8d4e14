package localcloud

import (
	"context"
	"path/filepath"

	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// newWorkers prepares the real Workers runtime. Its binary is looked for, and
// downloaded when it is missing, when the first Worker is uploaded.
func newWorkers(o Options, s *storage) (workers, error) {
	binary := func(ctx context.Context) (string, error) {
		return workerd.Path(ctx, npm.Installer{Notice: o.Notice})
	}
	return runtime.New(runtime.Options{
		Dir: filepath.Join(o.Dir, "workers"), Workerd: binary, Log: o.Log,
		Observer: s.traffic,
		Resources: map[string]runtime.Resource{
			"d1":        s.databases.Binding,
			"kv":        s.namespaces.Binding,
			"ratelimit": s.limits.Binding,
			"r2":        s.buckets.Binding,
			"queue":     s.queues.Binding,
			"mail":      s.mails.Binding,
			"vectorize": s.vectors.Binding,
			"ai":        s.models.Binding,
			"analytics": s.datasets.Binding,
		},
	})
}
