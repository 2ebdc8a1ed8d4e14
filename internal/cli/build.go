package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tamylaa/clodo/operator"
)

// buildDocument is the answer of `clodo build --json`.
type buildDocument struct {
	Built []operator.Built `json:"built"`
}

func newBuildCmd(a *app) *cobra.Command {
	var o operator.BuildOptions
	c := &cobra.Command{
		Use:   "build [SERVICE…]",
		Short: "write what deploy would upload into a folder, with its sizes",
		Example: "  clodo build\n" +
			"  clodo build api -e production",
		Long: "Builds every service as deploy does: TypeScript and JavaScript are bundled, Go is\n" +
			"compiled to WebAssembly with the shim that runs it on Workers. The modules and the\n" +
			"metadata of the upload are written into .clodo/build/WORKER. No network is\n" +
			"asked. The same sources and tools give the same bytes.",
		GroupID: blockDaily, Args: words(0, "SERVICE…"), ValidArgsFunction: a.completeFromFiles(serviceNames),
		RunE: a.do(func(ctx context.Context, services []string) (reply, error) { return a.runBuild(ctx, services, o) }),
	}
	c.Flags().StringVar(&o.Dir, "out", "", "`folder` in which one is made for each Worker; default: .clodo/build")
	return c
}

func (a *app) runBuild(ctx context.Context, services []string, o operator.BuildOptions) (reply, error) {
	op, err := a.open()
	if err != nil {
		return reply{}, err
	}
	defer op.Close()
	if o.Dir != "" {
		o.Dir = a.path(o.Dir)
	}
	stop := a.watch(passing())
	built, err := op.Build(ctx, a.selector(services), o)
	stop()
	if err != nil {
		return reply{}, err
	}
	root := op.Portfolio().Root
	return reply{Result: buildDocument{built}, Text: func(io.Writer) {
		rows := [][]string{{"TARGET", "FOLDER", "MODULES", "SIZE", "GZIP"}}
		for _, b := range built {
			dir, err := filepath.Rel(root, b.Dir)
			if err != nil {
				dir = b.Dir
			}
			rows = append(rows, []string{b.Target.String(), filepath.ToSlash(dir), fmt.Sprint(len(b.Modules)), kilobytes(b.Size), kilobytes(b.Gzip)})
		}
		a.term.Table(rows)
	}}, nil
}

// kilobytes is a size as Cloudflare's limits count it.
func kilobytes(n int64) string { return fmt.Sprintf("%.1f KiB", float64(n)/1024) }
