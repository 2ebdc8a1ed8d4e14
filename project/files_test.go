package project_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/project"
)

func TestCheckFindsFilesThatAreNotThere(t *testing.T) {
	t.Parallel()
	const head = `{ "name": "web", "compatibility_date": "2026-11-01",` + "\n"
	tests := map[string]struct {
		files map[string]string
		want  string
	}{
		"an entry point": {
			map[string]string{"web/wrangler.jsonc": head + `  "main": "src/index.ts" }`},
			"error[B101]: entry point \"src/index.ts\" could not be found\n  --> web/wrangler.jsonc:2:11\n  |\n2 |   \"main\": \"src/index.ts\" }\n  |           ^^^^^^^^^^^^^^\n" +
				"  = fix: create the file, or correct `main` in web/wrangler.jsonc\n\n1 problem in web/wrangler.jsonc. Nothing was changed.\n",
		},
		"an entry point with another extension": {
			map[string]string{"web/wrangler.jsonc": head + `  "main": "src/index.ts" }`, "web/src/index.js": ""},
			"error[B101]: entry point \"src/index.ts\" could not be found\n  --> web/wrangler.jsonc:2:11\n  |\n2 |   \"main\": \"src/index.ts\" }\n  |           ^^^^^^^^^^^^^^\n" +
				"  = fix: did you mean \"web/src/index.js\"?\n\n1 problem in web/wrangler.jsonc. Nothing was changed.\n",
		},
		"an entry point beside its test": {
			map[string]string{"web/wrangler.jsonc": head + `  "main": "main.go" }`, "web/main_test.go": ""},
			"error[B101]: entry point \"main.go\" could not be found\n  --> web/wrangler.jsonc:2:11\n  |\n2 |   \"main\": \"main.go\" }\n  |           ^^^^^^^^^\n" +
				"  = fix: create the file, or correct `main` in web/wrangler.jsonc\n\n1 problem in web/wrangler.jsonc. Nothing was changed.\n",
		},
		"a folder of assets": {
			map[string]string{"web/wrangler.jsonc": head + `  "assets": { "directory": "public" } }`},
			"error[B121]: assets directory \"web/public\" could not be found\n  --> web/wrangler.jsonc:2:28\n  |\n2 |   \"assets\": { \"directory\": \"public\" } }\n  |                            ^^^^^^^^\n" +
				"  = fix: create the folder, let `build.command` make it, or correct `assets.directory`\n\n1 problem in web/wrangler.jsonc. Nothing was changed.\n",
		},
		"neither, where a command may make them": {
			map[string]string{"web/wrangler.jsonc": head + `  "main": "dist/index.js", "assets": { "directory": "public" }, "build": { "command": "make" } }`}, "",
		},
		"nothing that is missing": {
			map[string]string{"web/wrangler.jsonc": head + `  "main": "index.js", "assets": { "directory": "public" } }`, "web/index.js": "", "web/public/index.html": ""}, "",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, found := project.Load(project.LoadOptions{Dir: write(t, tt.files)})
			if len(found) > 0 {
				t.Errorf("Load needs the files:\n%s", rendered(t, found))
			}
			if d := cmp.Diff(tt.want, rendered(t, p.Check(found))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}
