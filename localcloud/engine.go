package localcloud

import (
	"context"
	"path/filepath"

	"github.com/tamylaa/clodo/internal/npm"
	"github.com/tamylaa/clodo/internal/workerd"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
)

// newWorkers prepares the real Workers runtime. Its binary is looked for, and
// downloaded when it is missing, when the first Worker is uploaded.
func newWorkers(o Options, databases *d1.Store, namespaces *kv.Store) (workers, error) {
	binary := func(ctx context.Context) (string, error) {
		return workerd.Path(ctx, npm.Installer{Notice: o.Notice})
	}
	return runtime.New(runtime.Options{
		Dir: filepath.Join(o.Dir, "workers"), Workerd: binary, D1: databases, KV: namespaces, Log: o.Log,
	})
}
