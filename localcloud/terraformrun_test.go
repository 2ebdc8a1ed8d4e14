//go:build terraform

package localcloud

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapitest"
)

// The real provider, in the real Terraform or OpenTofu, makes all that it can make here,
// changes it, imports it and destroys it, and never plans a change that nobody asked
// for. To build the two takes an hour, so the test is behind a build tag and told where
// they are: docs/testing.md says how.
func TestTerraform(t *testing.T) {
	t.Parallel()
	program, provider := os.Getenv("CLODO_TERRAFORM"), os.Getenv("CLODO_TERRAFORM_PROVIDER")
	if program == "" || provider == "" {
		t.Fatal("CLODO_TERRAFORM and CLODO_TERRAFORM_PROVIDER do not name the programs that this test runs")
	}
	npmtest.Workerd(t)
	checker := openapitest.Load(t)
	c := start(t, Options{
		Dir:     t.TempDir(),
		wrapAPI: func(next http.Handler) http.Handler { return checker.ResponseMiddleware(t, next) },
	})
	tf := newTerraform(t, program, provider, c.Info())
	tf.run("apply", "-auto-approve")
	tf.settled("it was made")
	tf.edition = "two"
	tf.run("apply", "-auto-approve")
	tf.settled("it was changed")
	tf.imports()
	tf.settled("it was imported")
	tf.run("destroy", "-auto-approve")
	who, err := c.storage.store.Directory(t.Context())
	fatal(t, err)
	if len(who.Zones) != 0 {
		t.Errorf("zones are left: %v", who.Zones)
	}
}

// terraform is a folder with testdata/terraform and the program that works in it.
type terraform struct {
	t       *testing.T
	program string
	dir     string
	env     []string
	edition string
}

func newTerraform(t *testing.T, program, provider string, info Info) *terraform {
	dir := t.TempDir()
	fatal(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "terraform"))))
	config := filepath.Join(t.TempDir(), "cli.tfrc")
	override, err := json.Marshal(filepath.Dir(provider))
	fatal(t, err)
	fatal(t, os.WriteFile(config, []byte("provider_installation {\n  dev_overrides {\n    \"cloudflare/cloudflare\" = "+string(override)+"\n  }\n  direct {}\n}\n"), 0o600))
	return &terraform{t: t, program: program, dir: dir, edition: "one", env: append(
		os.Environ(), "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"CLOUDFLARE_BASE_URL="+info.API, "CLOUDFLARE_API_TOKEN="+info.APIToken, "TF_VAR_account_id="+info.AccountID,
	)}
}

// run is one command that has to succeed. It answers what was printed to stdout.
func (tf *terraform) run(args ...string) string {
	tf.t.Helper()
	out, code := tf.try(args...)
	if code != 0 {
		tf.t.Fatalf("%s ended with %d:\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

func (tf *terraform) try(args ...string) (out string, code int) {
	tf.t.Helper()
	cmd := exec.CommandContext(tf.t.Context(), tf.program, append(args, "-no-color")...)
	cmd.Dir, cmd.Env = tf.dir, append(tf.env, "TF_VAR_edition="+tf.edition)
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		tf.t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// settled wants a plan without a change.
func (tf *terraform) settled(when string) {
	tf.t.Helper()
	if out, code := tf.try("plan", "-detailed-exitcode"); code != 0 {
		tf.t.Errorf("a plan after %s wants a change (%d):\n%s", when, code, out)
	}
}

// importable are the resources that the provider can import, with what they are imported
// by. It loses the name of a dispatch namespace, and would make it anew.
func importable() [][2]string {
	return [][2]string{
		{"cloudflare_zone.shop", "{id}"},
		{"cloudflare_dns_record.www", "{zone_id}/{id}"},
		{"cloudflare_account_token.reader", "{account_id}/{id}"},
		{"cloudflare_workers_kv_namespace.cache", "{account_id}/{id}"},
		{"cloudflare_workers_kv.greeting", "{account_id}/{namespace_id}/{key_name}"},
		{"cloudflare_d1_database.orders", "{account_id}/{id}"},
		{"cloudflare_r2_bucket.files", "{account_id}/{name}/default"},
		{"cloudflare_queue.jobs", "{account_id}/{id}"},
		{"cloudflare_secrets_store.keys", "{account_id}/{id}"},
		{"cloudflare_workers_script.web", "{account_id}/{script_name}"},
		{"cloudflare_workers_script_subdomain.web", "{account_id}/{script_name}"},
		{"cloudflare_workers_cron_trigger.web", "{account_id}/{script_name}"},
		{"cloudflare_workers_route.web", "{zone_id}/{id}"},
		{"cloudflare_workers_custom_domain.web", "{account_id}/{id}"},
		{"cloudflare_worker.api", "{account_id}/{id}"},
		{"cloudflare_worker_version.api", "{account_id}/{worker_id}/{id}"},
		{"cloudflare_workers_deployment.api", "{account_id}/{script_name}/{id}"},
	}
}

// imports forgets all that can be imported and imports it. Nothing may be made anew.
func (tf *terraform) imports() {
	tf.t.Helper()
	var state struct {
		Values struct {
			Root struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	fatal(tf.t, json.Unmarshal([]byte(tf.run("show", "-json")), &state))
	ids := map[string]*strings.Replacer{}
	for _, r := range state.Values.Root.Resources {
		var pairs []string
		for name, value := range r.Values {
			if text, ok := value.(string); ok {
				pairs = append(pairs, "{"+name+"}", url.PathEscape(text))
			}
		}
		ids[r.Address] = strings.NewReplacer(pairs...)
	}
	forget := []string{"state", "rm"}
	var blocks strings.Builder
	for _, one := range importable() {
		address, id := one[0], one[1]
		if ids[address] == nil {
			tf.t.Fatalf("the state has no %s", address)
		}
		forget = append(forget, address)
		blocks.WriteString("import {\n  to = " + address + "\n  id = \"" + ids[address].Replace(id) + "\"\n}\n")
	}
	fatal(tf.t, os.WriteFile(filepath.Join(tf.dir, "imports.tf"), []byte(blocks.String()), 0o600))
	tf.run(forget...)
	out := tf.run("apply", "-auto-approve")
	if !strings.Contains(out, "0 added") || !strings.Contains(out, "0 destroyed") {
		tf.t.Errorf("imports make something anew:\n%s", out)
	}
}
