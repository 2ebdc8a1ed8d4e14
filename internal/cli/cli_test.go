package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tamylaa/clodo/internal/term"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"clodo": func() {
			streams := term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
			os.Exit(Main(os.Args[1:], streams, "v0.0.0-test"))
		},
	})
}

// TestScripts runs the real command. Each script has a home and a CLODO_HOME of its
// own, no token, and no build server around it.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home")
			if err := os.Mkdir(home, 0o700); err != nil {
				return err
			}
			e.Setenv("HOME", home)
			e.Setenv("CLODO_HOME", filepath.Join(home, "clodo"))
			e.Setenv("CLODO_SECRETS_PASSPHRASE", "only for this test")
			e.Setenv("TERM", "xterm")
			for _, name := range []string{"CLODO_WORKERD", "XDG_CACHE_HOME"} { // so that the runtime is found, not downloaded again
				if v := os.Getenv(name); v != "" {
					e.Setenv(name, v)
				}
			}
			return nil
		},
	})
}
