package cloudflare_test

import (
	"context"
	"iter"
	"time"

	"github.com/tamylaa/clodo/cloudflare"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func upload() cloudflare.Upload {
	return cloudflare.Upload{
		Metadata: cloudflare.Metadata{
			MainModule: "index.js",
			Bindings: []cloudflare.Binding{
				{Type: "plain_text", Name: "GREETING", Fields: map[string]any{"text": "hi"}},
				{Type: "secret_text", Name: "KEY", Text: cloudflare.NewSecret("s3cret")},
				{Type: "d1", Name: "DB", Fields: map[string]any{"database_id": uuid}},
				{Type: "service", Name: "CART", Fields: map[string]any{"service": "cart"}},
				{Type: "durable_object_namespace", Name: "ROOM", Fields: map[string]any{"class_name": "Room"}},
			},
			CompatibilityDate:  "2026-01-01",
			CompatibilityFlags: []string{"nodejs_compat"},
			KeepBindings:       []string{"secret_text", "secret_key"},
			Annotations:        cloudflare.Annotations{Message: "first", Tag: "plan-1"},
			Assets:             &cloudflare.MetadataAssets{JWT: cloudflare.NewSecret("done"), Config: map[string]any{"html_handling": "none"}},
			Extra:              map[string]any{"observability": map[string]any{"enabled": true}},
		},
		Modules: []cloudflare.Module{
			{Name: "index.js", ContentType: cloudflare.TypeESModule, Content: []byte("export default {}")},
			{Name: "lib/add.wasm", ContentType: cloudflare.TypeWasm, Content: []byte("\x00asm")},
		},
	}
}

func workerContracts() []contract {
	withMigration := upload()
	withMigration.Metadata.Migrations = &cloudflare.Migrations{OldTag: "v1", NewTag: "v2", Steps: []cloudflare.MigrationStep{{NewSQLiteClasses: []string{"Room"}}}}
	scriptJSON := `{"id":"shop","tag":"t","etag":"e","handlers":["fetch"],"created_on":"` + when + `","modified_on":"` + when + `","has_assets":true,"has_modules":true,"usage_model":"standard","logpush":false,"startup_time_ms":3,"deployment_id":"18f97339c28748729bdde2135c07ec12"}`
	stored := cloudflare.Script{ID: "shop", Tag: "t", ETag: "e", Handlers: []string{"fetch"}, CreatedOn: created, ModifiedOn: created, HasAssets: true, HasModules: true, UsageModel: "standard"}
	settingsJSON := `{"bindings":[{"type":"kv_namespace","name":"KV","namespace_id":"` + acc + `"},{"type":"secret_text","name":"KEY"}],"compatibility_date":"2026-01-01","compatibility_flags":[],"usage_model":"standard","tags":null,"tail_consumers":null,"logpush":false}`
	settings := cloudflare.Settings{
		Bindings:          []cloudflare.Binding{{Type: "kv_namespace", Name: "KV", Fields: map[string]any{"namespace_id": acc}}, {Type: "secret_text", Name: "KEY", Fields: map[string]any{}}},
		CompatibilityDate: "2026-01-01", CompatibilityFlags: []string{}, UsageModel: "standard",
	}
	shared := cloudflare.ScriptSettings{Tags: []string{"a"}, Observability: map[string]any{"enabled": true}}
	sharedJSON := `{"logpush":false,"tags":["a"],"observability":{"enabled":true},"tail_consumers":null}`
	yes := true
	return []contract{
		{"Scripts", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Script, error) {
			return c.Scripts(ctx, acc)
		}), []exchange{{want: "GET " + accounts + "/workers/scripts", result: `[` + scriptJSON + `]`}}, []cloudflare.Script{stored}},
		{"PutScript", value(func(ctx context.Context, c *cloudflare.Client) (string, error) {
			u, err := c.PutScript(ctx, acc, "shop", withMigration)
			return u.VersionID(), err
		}), []exchange{{want: "PUT " + script + "?bindings_inherit=strict&excludeScript=true", result: scriptJSON}}, uuid},
		{"DeleteScript", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			return c.DeleteScript(ctx, acc, "shop", cloudflare.DeleteOptions{Force: true})
		}), []exchange{{want: "DELETE " + script + "?force=true", result: `null`}}, nil},
		{"ScriptContent", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Module, error) {
			return c.ScriptContent(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/content/v2", kind: "multipart/form-data; boundary=b", bare: "--b\r\nContent-Disposition: form-data; name=\"lib/a.js\"\r\nContent-Type: application/javascript+module\r\n\r\nexport {}\r\n--b--\r\n"}}, []cloudflare.Module{{Name: "lib/a.js", ContentType: cloudflare.TypeESModule, Content: []byte("export {}")}}},
		{"Settings", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Settings, error) {
			return c.Settings(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/settings", result: settingsJSON}}, settings},
		{"PatchSettings", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Settings, error) {
			return c.PatchSettings(ctx, acc, "shop", cloudflare.SettingsPatch{
				Bindings:    []cloudflare.Binding{{Type: "inherit", Name: "KV"}, {Type: "secret_text", Name: "KEY", Text: cloudflare.NewSecret("s")}},
				Annotations: cloudflare.Annotations{Message: "m"}, Extra: map[string]any{"logpush": false},
			})
		}), []exchange{{want: "PATCH " + script + "/settings", result: settingsJSON}}, settings},
		{"ScriptSettings", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.ScriptSettings, error) {
			return c.ScriptSettings(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/script-settings", result: sharedJSON}}, shared},
		{"PatchScriptSettings", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.ScriptSettings, error) {
			return c.PatchScriptSettings(ctx, acc, "shop", cloudflare.ScriptSettingsPatch{Tags: &[]string{"a"}, Logpush: &yes, Observability: map[string]any{"enabled": true}})
		}), []exchange{{want: "PATCH " + script + "/script-settings", wantBody: `{"tags":["a"],"logpush":true,"observability":{"enabled":true}}`, result: sharedJSON}}, shared},
		{"Secrets", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.SecretName, error) {
			return c.Secrets(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/secrets", result: `[{"name":"KEY","type":"secret_text"}]`}}, []cloudflare.SecretName{{Name: "KEY", Type: "secret_text"}}},
		{"PutSecret", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.SecretName, error) {
			return c.PutSecret(ctx, acc, "shop", "KEY", cloudflare.NewSecret("s3cret"))
		}), []exchange{{want: "PUT " + script + "/secrets", wantBody: `{"name":"KEY","text":"s3cret","type":"secret_text"}`, result: `{"name":"KEY","type":"secret_text"}`}}, cloudflare.SecretName{Name: "KEY", Type: "secret_text"}},
		{"DeleteSecret", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteSecret(ctx, acc, "shop", "KEY") }), []exchange{{want: "DELETE " + script + "/secrets/KEY", result: `null`}}, nil},
		{"PatchSecrets", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			s := cloudflare.NewSecret("s3cret")
			return c.PatchSecrets(ctx, acc, "shop", map[string]*cloudflare.Secret{"KEY": &s, "OLD": nil})
		}), []exchange{{want: "PATCH " + script + "/secrets-bulk", wantBody: `{"secrets":{"KEY":{"name":"KEY","text":"s3cret","type":"secret_text"},"OLD":null}}`, result: `{"KEY":{"name":"KEY","type":"secret_text"}}`}}, nil},
		{"Subdomain", value(func(ctx context.Context, c *cloudflare.Client) (string, error) { return c.Subdomain(ctx, acc) }), []exchange{{want: "GET " + accounts + "/workers/subdomain", result: `{"subdomain":"acme"}`}}, "acme"},
		{"PutSubdomain", value(func(ctx context.Context, c *cloudflare.Client) (string, error) {
			return c.PutSubdomain(ctx, acc, "acme")
		}), []exchange{{want: "PUT " + accounts + "/workers/subdomain", wantBody: `{"subdomain":"acme"}`, result: `{"subdomain":"acme"}`}}, "acme"},
		{"ScriptSubdomain", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.ScriptSubdomain, error) {
			return c.ScriptSubdomain(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/subdomain", result: `{"enabled":true,"previews_enabled":false}`}}, cloudflare.ScriptSubdomain{Enabled: true}},
		{"SetScriptSubdomain", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.ScriptSubdomain, error) {
			return c.SetScriptSubdomain(ctx, acc, "shop", cloudflare.ScriptSubdomain{Enabled: true})
		}), []exchange{{want: "POST " + script + "/subdomain", wantBody: `{"enabled":true,"previews_enabled":false}`, result: `{"enabled":true,"previews_enabled":false}`}}, cloudflare.ScriptSubdomain{Enabled: true}},
		{"Schedules", value(func(ctx context.Context, c *cloudflare.Client) ([]string, error) {
			return c.Schedules(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/schedules", result: `{"schedules":[{"cron":"*/5 * * * *","created_on":"` + when + `","modified_on":"` + when + `"}]}`}}, []string{"*/5 * * * *"}},
		{"PutSchedules", value(func(ctx context.Context, c *cloudflare.Client) ([]string, error) {
			return c.PutSchedules(ctx, acc, "shop", nil)
		}), []exchange{{want: "PUT " + script + "/schedules", wantBody: `[]`, result: `{"schedules":[]}`}}, []string(nil)},
	}
}

func versionContracts() []contract {
	versionJSON := `{"id":"` + uuid + `","number":4,"metadata":{"created_on":"` + when + `","modified_on":"` + when + `","source":"api","author_id":"a","author_email":"a@example.com","hasPreview":false},"annotations":{"workers/tag":"plan-1","workers/triggered_by":"upload"},"resources":{"bindings":[{"type":"version_metadata","name":"V"}],"script":{"etag":"e","handlers":["fetch"],"last_deployed_from":"api"},"script_runtime":{"compatibility_date":"2026-01-01","compatibility_flags":["nodejs_compat"],"usage_model":"standard","limits":{"cpu_ms":50}}},"startup_time_ms":3}`
	short := cloudflare.Version{
		ID: uuid, Number: 4, Metadata: cloudflare.VersionMetadata{CreatedOn: created, ModifiedOn: created, Source: "api", AuthorID: "a", AuthorEmail: "a@example.com"},
		Annotations: cloudflare.Annotations{Tag: "plan-1", TriggeredBy: "upload"}, StartupTimeMS: 3,
	}
	full := short
	full.Resources = cloudflare.VersionResources{
		Bindings: []cloudflare.Binding{{Type: "version_metadata", Name: "V", Fields: map[string]any{}}},
		Script:   cloudflare.VersionScript{ETag: "e", Handlers: []string{"fetch"}, LastDeployedFrom: "api"},
		Runtime:  cloudflare.VersionRuntime{CompatibilityDate: "2026-01-01", CompatibilityFlags: []string{"nodejs_compat"}, UsageModel: "standard", Limits: map[string]any{"cpu_ms": 50.0}},
	}
	versions := script + "/versions"
	deploymentJSON := `{"id":"` + uuid + `","source":"api","strategy":"percentage","author_email":"a@example.com","created_on":"` + when + `","annotations":{"workers/message":"m"},"versions":[{"version_id":"` + uuid + `","percentage":100}]}`
	deployment := cloudflare.Deployment{ID: uuid, Source: "api", Strategy: "percentage", AuthorEmail: "a@example.com", CreatedOn: created, Annotations: cloudflare.Annotations{Message: "m"}, Versions: []cloudflare.Share{{VersionID: uuid, Percentage: 100}}}
	hash := "0123456789abcdef0123456789abcdef"
	return []contract{
		{"CreateVersion", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Version, error) {
			return c.CreateVersion(ctx, acc, "shop", upload())
		}), []exchange{{want: "POST " + versions + "?bindings_inherit=strict", result: versionJSON}}, full},
		{"Version", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Version, error) {
			return c.Version(ctx, acc, "shop", uuid)
		}), []exchange{{want: "GET " + versions + "/" + uuid, result: versionJSON}}, full},
		{"Versions", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Version, error] {
			return c.Versions(ctx, acc, "shop")
		}), []exchange{{want: "GET " + versions + "?page=1&per_page=100", result: `{"items":[{"id":"` + uuid + `","number":4,"metadata":{"created_on":"` + when + `","source":"api"}}]}`}}, []cloudflare.Version{{ID: uuid, Number: 4, Metadata: cloudflare.VersionMetadata{CreatedOn: created, Source: "api"}}}},
		{"DeployableVersions", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Version, error) {
			return c.DeployableVersions(ctx, acc, "shop")
		}), []exchange{{want: "GET " + versions + "?deployable=true", result: `{"items":[{"id":"` + uuid + `","number":4}]}`}}, []cloudflare.Version{{ID: uuid, Number: 4}}},
		{"CreateDeployment", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Deployment, error) {
			return c.CreateDeployment(ctx, acc, "shop", cloudflare.NewDeployment{Versions: []cloudflare.Share{{VersionID: uuid, Percentage: 100}}, Annotations: cloudflare.Annotations{Message: "m"}, Force: true})
		}), []exchange{{want: "POST " + script + "/deployments?force=true", wantBody: `{"strategy":"percentage","versions":[{"version_id":"` + uuid + `","percentage":100}],"annotations":{"workers/message":"m"}}`, result: deploymentJSON}}, deployment},
		{"Deployments", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Deployment, error) {
			return c.Deployments(ctx, acc, "shop")
		}), []exchange{{want: "GET " + script + "/deployments", result: `{"deployments":[` + deploymentJSON + `]}`}}, []cloudflare.Deployment{deployment}},
		{"Deployment", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Deployment, error) {
			return c.Deployment(ctx, acc, "shop", uuid)
		}), []exchange{{want: "GET " + script + "/deployments/" + uuid, result: deploymentJSON}}, deployment},
		{"StartAssets", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.AssetSession, error) {
			return c.StartAssets(ctx, acc, "shop", map[string]cloudflare.AssetEntry{"/index.html": {Hash: hash, Size: 12}})
		}), []exchange{{want: "POST " + script + "/assets-upload-session", wantBody: `{"manifest":{"/index.html":{"hash":"` + hash + `","size":12}}}`, result: `{"jwt":"ticket","buckets":[["` + hash + `"]]}`}}, cloudflare.AssetSession{JWT: cloudflare.NewSecret("ticket"), Buckets: [][]string{{hash}}}},
		{"UploadAssets", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Secret, error) {
			return c.UploadAssets(ctx, acc, cloudflare.AssetSession{JWT: cloudflare.NewSecret("ticket")}, []cloudflare.AssetFile{{Hash: hash, ContentType: "text/html", Content: []byte("<p>")}})
		}), []exchange{{want: "POST " + accounts + "/workers/assets/upload?base64=true", status: 201, result: `{"jwt":"done"}`}}, cloudflare.NewSecret("done")},
	}
}
