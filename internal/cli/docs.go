package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// newDocsCmd writes the reference from the tree itself. It is hidden: packagers and
// our own tests use it.
func newDocsCmd(a *app) *cobra.Command {
	docs := group(&cobra.Command{
		Use: "docs", Short: "write the reference of this tool as files", Hidden: true, GroupID: blockSetup,
	})
	docs.AddCommand(
		&cobra.Command{
			Use: "man DIR", Short: "write man pages into a folder", Args: words(1, "DIR"),
			Example: "  clodo docs man /usr/local/share/man/man1",
			RunE: a.do(func(_ context.Context, args []string) (reply, error) {
				return a.writeDocs(args[0], ManPages())
			}),
		},
		&cobra.Command{
			Use: "markdown DIR", Short: "write the Markdown reference into a folder", Args: words(1, "DIR"),
			Example: "  clodo docs markdown docs/reference",
			RunE: a.do(func(_ context.Context, args []string) (reply, error) {
				return a.writeDocs(args[0], Reference())
			}),
		},
	)
	return docs
}

// writtenDocs is the answer of the docs commands.
type writtenDocs struct {
	Dir   string `json:"dir"`
	Files int    `json:"files"`
}

func (a *app) writeDocs(arg string, pages map[string]string) (reply, error) {
	dir := a.path(arg)
	if a.globals.dryRun {
		return reply{Result: writtenDocs{Dir: arg}, Text: func(w io.Writer) {
			fmt.Fprintf(w, "Would write the reference into %s. Nothing was changed.\n", arg)
		}}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return reply{}, fmt.Errorf("make the folder for the reference: %w", err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return reply{}, fmt.Errorf("write the reference: %w", err)
		}
	}
	return reply{Result: writtenDocs{Dir: arg, Files: len(pages)}, Text: func(w io.Writer) {
		fmt.Fprintf(w, "%s in %s\n", count(len(pages), "file"), arg)
	}}, nil
}
