package localcloud

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/cloudflare/cloudflare-go/v7/accounts"
	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"
	"github.com/cloudflare/cloudflare-go/v7/shared"
	"github.com/cloudflare/cloudflare-go/v7/user"
	sdkworkers "github.com/cloudflare/cloudflare-go/v7/workers"

	"github.com/tamylaa/clodo/internal/npmtest"
	"github.com/tamylaa/clodo/internal/openapitest"
)

// Terraform's provider, version 5, is made of the SDK's services: what it calls for
// accounts, tokens, records and Workers is called here as it does.
func TestWhatTerraformCalls(t *testing.T) {
	t.Parallel()
	npmtest.Workerd(t)
	checker := openapitest.Load(t)
	c := start(t, Options{
		Dir: t.TempDir(), Seed: Seed{Zones: []string{"shop.example"}},
		wrapAPI: func(next http.Handler) http.Handler { return checker.ResponseMiddleware(t, next) },
	})
	info := c.Info()
	opts := []option.RequestOption{option.WithBaseURL(info.API + "/"), option.WithAPIToken(info.APIToken), option.WithMaxRetries(0)}
	who, err := c.storage.store.Directory(t.Context())
	fatal(t, err)
	zone := who.Zones[0].ID
	remote{t, info}.deploy("web", `export default { fetch() { return new Response("hello") } }`, `,"bindings":[{"name":"A","type":"plain_text","text":"x"}]`)
	t.Run("accounts and tokens", func(t *testing.T) { useTokens(t, info, opts) })
	t.Run("DNS records", func(t *testing.T) { useRecords(t, dns.NewRecordService(opts...), zone) })
	t.Run("a Worker", func(t *testing.T) { useScript(t, sdkworkers.NewScriptService(opts...), info.AccountID) })
	t.Run("a Worker before its code", func(t *testing.T) { useWorker(t, opts, info.AccountID) })
	t.Run("routes and domains", func(t *testing.T) { useAddresses(t, opts, info.AccountID, zone) })
}

func useTokens(t *testing.T, info Info, opts []option.RequestOption) {
	found, err := accounts.NewAccountService(opts...).List(t.Context(), accounts.AccountListParams{})
	fatal(t, err)
	if len(found.Result) != 1 || found.Result[0].ID != info.AccountID {
		t.Errorf("accounts: %+v", found.Result)
	}
	service := user.NewTokenService(opts...)
	groups, err := service.PermissionGroups.List(t.Context(), user.TokenPermissionGroupListParams{})
	fatal(t, err)
	var group shared.TokenPolicyPermissionGroupParam
	for _, g := range groups.Result {
		if g.Name == "D1 Read" {
			group.ID.Value, group.ID.Present = g.ID, true
		}
	}
	var policy shared.TokenPolicyParam
	policy.Effect.Value, policy.Effect.Present = shared.TokenPolicyEffectAllow, true
	policy.PermissionGroups.Value, policy.PermissionGroups.Present = []shared.TokenPolicyPermissionGroupParam{group}, true
	policy.Resources.Value, policy.Resources.Present = shared.TokenPolicyResourcesIAMResourcesTypeObjectStringParam{"com.cloudflare.api.account." + info.AccountID: "*"}, true
	var p user.TokenNewParams
	p.Name.Value, p.Name.Present = "reader", true
	p.Policies.Value, p.Policies.Present = []shared.TokenPolicyParam{policy}, true
	made, err := service.New(t.Context(), p)
	fatal(t, err)
	limited := append(opts[:len(opts):len(opts)], option.WithAPIToken(string(made.Value)))
	verified, err := user.NewTokenService(limited...).Verify(t.Context())
	fatal(t, err)
	if verified.ID != made.ID || verified.Status != user.TokenVerifyResponseStatusActive {
		t.Errorf("the new token is %+v", verified)
	}
	if _, err := user.NewTokenService(limited...).List(t.Context(), user.TokenListParams{}); err == nil || !strings.Contains(err.Error(), "10000") {
		t.Errorf("it lists tokens: %v", err)
	}
	_, err = service.Delete(t.Context(), made.ID)
	fatal(t, err)
}

func useRecords(t *testing.T, service *dns.RecordService, zone string) {
	var a dns.ARecordParam
	a.Name.Value, a.Name.Present = "www.shop.example", true
	a.Content.Value, a.Content.Present = "192.0.2.1", true
	a.TTL.Value, a.TTL.Present = dns.TTL1, true
	a.Type.Value, a.Type.Present = dns.ARecordTypeA, true
	var p dns.RecordNewParams
	p.ZoneID.Value, p.ZoneID.Present = zone, true
	p.Body = a
	made, err := service.New(t.Context(), p)
	fatal(t, err)
	if _, err := service.New(t.Context(), p); err == nil || !strings.Contains(err.Error(), "81058") {
		t.Errorf("the same record again: %v", err)
	}
	a.Content.Value = "192.0.2.2"
	var u dns.RecordUpdateParams
	u.ZoneID.Value, u.ZoneID.Present = zone, true
	u.Body = a
	if changed, err := service.Update(t.Context(), made.ID, u); err != nil || changed.Content != "192.0.2.2" {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	var g dns.RecordGetParams
	g.ZoneID.Value, g.ZoneID.Present = zone, true
	if got, err := service.Get(t.Context(), made.ID, g); err != nil || got.Name != "www.shop.example" {
		t.Errorf("read: %+v, %v", got, err)
	}
	var d dns.RecordDeleteParams
	d.ZoneID.Value, d.ZoneID.Present = zone, true
	_, err = service.Delete(t.Context(), made.ID, d)
	fatal(t, err)
}

func useScript(t *testing.T, service *sdkworkers.ScriptService, account string) {
	var l sdkworkers.ScriptListParams
	l.AccountID.Value, l.AccountID.Present = account, true
	found, err := service.List(t.Context(), l)
	fatal(t, err)
	if len(found.Result) != 1 || found.Result[0].ID != "web" {
		t.Errorf("scripts: %+v", found.Result)
	}
	var s sdkworkers.ScriptSettingGetParams
	s.AccountID.Value, s.AccountID.Present = account, true
	_, err = service.Settings.Get(t.Context(), "web", s)
	fatal(t, err)
	var v sdkworkers.ScriptVersionListParams
	v.AccountID.Value, v.AccountID.Present = account, true
	versions, err := service.Versions.List(t.Context(), "web", v)
	fatal(t, err)
	if len(versions.Result.Items) != 1 {
		t.Fatalf("versions: %+v", versions.Result)
	}
	var d sdkworkers.ScriptDeploymentListParams
	d.AccountID.Value, d.AccountID.Present = account, true
	deployments, err := service.Deployments.List(t.Context(), "web", d)
	fatal(t, err)
	if len(deployments.Deployments) != 1 || deployments.Deployments[0].Versions[0].VersionID != versions.Result.Items[0].ID {
		t.Errorf("deployments: %+v", deployments.Deployments)
	}
	var one sdkworkers.ScriptScheduleUpdateParamsBody
	one.Cron.Value, one.Cron.Present = "*/5 * * * *", true
	var c sdkworkers.ScriptScheduleUpdateParams
	c.AccountID.Value, c.AccountID.Present = account, true
	c.Body = []sdkworkers.ScriptScheduleUpdateParamsBody{one}
	crons, err := service.Schedules.Update(t.Context(), "web", c)
	fatal(t, err)
	if len(crons.Schedules) != 1 || crons.Schedules[0].Cron != "*/5 * * * *" {
		t.Errorf("schedules: %+v", crons.Schedules)
	}
	var sub sdkworkers.ScriptSubdomainGetParams
	sub.AccountID.Value, sub.AccountID.Present = account, true
	if got, err := service.Subdomain.Get(t.Context(), "web", sub); err != nil || !got.Enabled {
		t.Errorf("its subdomain: %+v, %v", got, err)
	}
}

// useWorker is what cloudflare_worker, cloudflare_worker_version and
// cloudflare_workers_deployment do, in this order.
func useWorker(t *testing.T, opts []option.RequestOption, account string) {
	service := sdkworkers.NewBetaWorkerService(opts...)
	var n sdkworkers.BetaWorkerNewParams
	n.AccountID.Value, n.AccountID.Present = account, true
	n.Worker.Name.Value, n.Worker.Name.Present = "newer", true
	made, err := service.New(t.Context(), n)
	fatal(t, err)
	var module sdkworkers.VersionModuleParam
	module.Name.Value, module.Name.Present = "index.js", true
	module.ContentType.Value, module.ContentType.Present = "application/javascript+module", true
	module.ContentBase64.Value, module.ContentBase64.Present = base64.StdEncoding.EncodeToString([]byte(`export default { fetch() { return new Response("newer") } }`)), true
	var v sdkworkers.BetaWorkerVersionNewParams
	v.AccountID.Value, v.AccountID.Present = account, true
	v.Version.MainModule.Value, v.Version.MainModule.Present = "index.js", true
	v.Version.Modules.Value, v.Version.Modules.Present = []sdkworkers.VersionModuleParam{module}, true
	version, err := service.Versions.New(t.Context(), made.ID, v)
	fatal(t, err)
	var share sdkworkers.DeploymentVersionParam
	share.VersionID.Value, share.VersionID.Present = version.ID, true
	share.Percentage.Value, share.Percentage.Present = 100, true
	var d sdkworkers.ScriptDeploymentNewParams
	d.AccountID.Value, d.AccountID.Present = account, true
	d.Deployment.Strategy.Value, d.Deployment.Strategy.Present = sdkworkers.DeploymentStrategyPercentage, true
	d.Deployment.Versions.Value, d.Deployment.Versions.Present = []sdkworkers.DeploymentVersionParam{share}, true
	_, err = sdkworkers.NewScriptDeploymentService(opts...).New(t.Context(), "newer", d)
	fatal(t, err)
	var g sdkworkers.BetaWorkerGetParams
	g.AccountID.Value, g.AccountID.Present = account, true
	if got, err := service.Get(t.Context(), made.ID, g); err != nil || got.Name != "newer" || got.DeployedOn.IsZero() {
		t.Errorf("the Worker is %+v, %v", got, err)
	}
	var x sdkworkers.BetaWorkerDeleteParams
	x.AccountID.Value, x.AccountID.Present = account, true
	_, err = service.Delete(t.Context(), made.ID, x)
	fatal(t, err)
}

func useAddresses(t *testing.T, opts []option.RequestOption, account, zone string) {
	routes := sdkworkers.NewRouteService(opts...)
	var p sdkworkers.RouteNewParams
	p.ZoneID.Value, p.ZoneID.Present = zone, true
	p.Pattern.Value, p.Pattern.Present = "shop.example/api/*", true
	p.Script.Value, p.Script.Present = "web", true
	made, err := routes.New(t.Context(), p)
	fatal(t, err)
	var d sdkworkers.RouteDeleteParams
	d.ZoneID.Value, d.ZoneID.Present = zone, true
	_, err = routes.Delete(t.Context(), made.ID, d)
	fatal(t, err)

	domains := sdkworkers.NewDomainService(opts...)
	var u sdkworkers.DomainUpdateParams
	u.AccountID.Value, u.AccountID.Present = account, true
	u.Hostname.Value, u.Hostname.Present = "app.shop.example", true
	u.Service.Value, u.Service.Present = "web", true
	u.ZoneID.Value, u.ZoneID.Present = zone, true
	domain, err := domains.Update(t.Context(), u)
	fatal(t, err)
	var l sdkworkers.DomainListParams
	l.AccountID.Value, l.AccountID.Present = account, true
	if found, err := domains.List(t.Context(), l); err != nil || len(found.Result) != 1 || found.Result[0].Hostname != "app.shop.example" {
		t.Errorf("domains: %+v, %v", found, err)
	}
	var x sdkworkers.DomainDeleteParams
	x.AccountID.Value, x.AccountID.Present = account, true
	_, err = domains.Delete(t.Context(), domain.ID, x)
	fatal(t, err)
}
