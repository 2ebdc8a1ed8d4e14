package cloudflare_test

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/cloudflare"
	"github.com/tamylaa/clodo/internal/openapitest"
)

const (
	acc  = "0123456789abcdef0123456789abcdef"
	zone = "023e105f4ecef8ad9ca31a8372d0c353"
	uuid = "18f97339-c287-4872-9bdd-e2135c07ec12"
	when = "2026-01-02T03:04:05.000006Z"

	// accounts and script begin most paths.
	accounts = "/accounts/" + acc
	script   = accounts + "/workers/scripts/shop"
)

// exchange is one request that a method must send, and what it is answered.
type exchange struct {
	want     string // METHOD /path?query
	wantBody string // JSON, or "" for whatever the document allows
	status   int    // 200 when 0
	kind     string // of the answer; application/json when ""
	result   string // put into an envelope
	bare     string // instead of an envelope
	etag     string
}

// contract is every call of the client: its exchanges are checked against Cloudflare's
// OpenAPI document in both directions, and its value against what it should have read.
type contract struct {
	method    string
	call      func(context.Context, *cloudflare.Client) (any, error)
	exchanges []exchange
	want      any // not compared when nil
}

func TestEveryCallKeepsToCloudflaresContract(t *testing.T) {
	t.Parallel()
	checker := openapitest.Load(t)
	tested := map[string]bool{"BaseURL": true, "Close": true} // they send nothing
	for _, tt := range contracts() {
		tested[tt.method] = true
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			var got []string
			srv := httptest.NewServer(nil)
			t.Cleanup(srv.Close)
			srv.Config.Handler = checker.Middleware(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if len(got) == len(tt.exchanges) {
					t.Errorf("one request too many: %s %s", req.Method, req.URL)
					w.WriteHeader(http.StatusTeapot)
					return
				}
				e := tt.exchanges[len(got)]
				got = append(got, req.Method+" "+strings.TrimPrefix(req.RequestURI, "/client/v4"))
				e.answer(t, w, req, srv.URL)
			}))
			c, err := cloudflare.New(cloudflare.Options{BaseURL: srv.URL + "/client/v4", Token: cloudflare.NewSecret("T"), Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			value, err := tt.call(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, e := range tt.exchanges {
				want = append(want, e.want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if tt.want != nil {
				if diff := cmp.Diff(tt.want, value, cmp.Comparer(func(a, b cloudflare.Secret) bool { return a.Reveal() == b.Reveal() })); diff != "" {
					t.Errorf("value (-want +got):\n%s", diff)
				}
			}
		})
	}
	for m := range reflect.TypeFor[*cloudflare.Client]().Methods() {
		if !tested[m.Name] {
			t.Errorf("Client.%s is in no contract", m.Name)
		}
	}
}

// answer checks the request's body and token and sends the answer.
func (e exchange) answer(t *testing.T, w http.ResponseWriter, req *http.Request, server string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Error(err)
	}
	if e.wantBody != "" {
		if diff := cmp.Diff(decoded(t, e.wantBody), decoded(t, string(body))); diff != "" {
			t.Errorf("%s body (-want +got):\n%s", e.want, diff)
		}
	}
	token := req.Header.Get("Authorization")
	switch inAPI := strings.HasPrefix(req.RequestURI, "/client/v4"); {
	case !inAPI && token != "":
		t.Errorf("%s: the token goes to an address outside the API", e.want)
	case inAPI && strings.Contains(e.want, "/assets/upload"):
		if token != "Bearer ticket" {
			t.Errorf("%s: token %q, want the session's", e.want, token)
		}
	case inAPI && token != "Bearer T":
		t.Errorf("%s: token %q", e.want, token)
	}
	kind := e.kind
	if kind == "" {
		kind = "application/json"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cf-Ray", "8f00")
	if e.etag != "" {
		w.Header().Set("Etag", `"`+e.etag+`"`)
	}
	if e.status != 0 {
		w.WriteHeader(e.status)
	}
	text := strings.ReplaceAll(e.bare, "SERVER", server)
	if e.result != "" {
		text = `{"success":true,"errors":[],"messages":[],"result":` + strings.ReplaceAll(e.result, "SERVER", server) + `}`
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Error(err)
	}
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Errorf("%q is not JSON: %v", text, err)
	}
	return v
}

// value makes a contract's call of a method that gives a value.
func value[T any](f func(context.Context, *cloudflare.Client) (T, error)) func(context.Context, *cloudflare.Client) (any, error) {
	return func(ctx context.Context, c *cloudflare.Client) (any, error) { return f(ctx, c) }
}

// list makes one of a method that gives a list.
func list[T any](f func(context.Context, *cloudflare.Client) iter.Seq2[T, error]) func(context.Context, *cloudflare.Client) (any, error) {
	return func(ctx context.Context, c *cloudflare.Client) (any, error) { return cloudflare.Collect(f(ctx, c)) }
}

// nothing makes one of a method that gives an error only.
func nothing(f func(context.Context, *cloudflare.Client) error) func(context.Context, *cloudflare.Client) (any, error) {
	return func(ctx context.Context, c *cloudflare.Client) (any, error) { return nil, f(ctx, c) }
}

func contracts() []contract {
	return slices.Concat(identityContracts(), addressContracts(), workerContracts(), versionContracts(), dataContracts(), resourceContracts())
}

func identityContracts() []contract {
	account := cloudflare.Account{ID: acc, Name: "Acme", Type: "standard"}
	accountJSON := `{"id":"` + acc + `","name":"Acme","type":"standard"}`
	status := cloudflare.TokenStatus{ID: acc, Status: "active"}
	return []contract{
		{"Accounts", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Account, error] {
			return c.Accounts(ctx, "Acme")
		}), []exchange{{want: "GET /accounts?name=Acme&page=1&per_page=50", result: `[` + accountJSON + `]`}}, []cloudflare.Account{account}},
		{"Account", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Account, error) {
			return c.Account(ctx, acc)
		}), []exchange{{want: "GET " + accounts, result: accountJSON}}, account},
		{"Memberships", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Membership, error] {
			return c.Memberships(ctx)
		}), []exchange{{want: "GET /memberships?page=1&per_page=50", result: `[{"id":"m","status":"accepted","roles":["Admin"],"account":` + accountJSON + `}]`}}, []cloudflare.Membership{{ID: "m", Status: "accepted", Roles: []string{"Admin"}, Account: account}}},
		{"User", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.User, error) { return c.User(ctx) }), []exchange{{want: "GET /user", result: `{"id":"` + acc + `","email":"a@example.com"}`}}, cloudflare.User{ID: acc, Email: "a@example.com"}},
		{"VerifyUserToken", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.TokenStatus, error) {
			return c.VerifyUserToken(ctx)
		}), []exchange{{want: "GET /user/tokens/verify", result: `{"id":"` + acc + `","status":"active"}`}}, status},
		{"VerifyAccountToken", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.TokenStatus, error) {
			return c.VerifyAccountToken(ctx, acc)
		}), []exchange{{want: "GET " + accounts + "/tokens/verify", result: `{"id":"` + acc + `","status":"active"}`}}, status},
		{"GraphQL", nothing(func(ctx context.Context, c *cloudflare.Client) error {
			return c.GraphQL(ctx, "{ viewer { __typename } }", nil, &struct{}{})
		}), []exchange{{want: "POST /graphql", wantBody: `{"query":"{ viewer { __typename } }"}`, bare: `{"data":{},"errors":null}`}}, nil},
		{"Logs", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Log, error) {
			return c.Logs(ctx, cloudflare.LogQuery{Account: acc, Ray: "8f00aa-FRA", From: time.Unix(0, 0), To: time.Unix(60, 0)})
		}), []exchange{{
			want:     "POST " + accounts + "/workers/observability/telemetry/query",
			wantBody: `{"queryId":"clodo-logs","view":"events","limit":100,"timeframe":{"from":0,"to":60000},"parameters":{"filters":[{"key":"$metadata.requestId","operation":"eq","type":"string","value":"8f00aa"},{"key":"$metadata.type","operation":"eq","type":"string","value":"cf-worker"}]}}`,
			result:   `{"events":{"events":[{"timestamp":3000,"dataset":"d","source":"","$metadata":{"id":"2","level":"error","message":"Error: no"}},{"timestamp":2000,"dataset":"d","source":"","$metadata":{"id":"1","level":"log","message":"begins"}}]},"statistics":{"bytes_read":1,"elapsed":0.1,"rows_read":2},"run":{"id":"r","accountId":"` + acc + `","userId":"u","dry":false,"granularity":1,"status":"COMPLETED","timeframe":{"from":0,"to":60000},"query":{"id":"q","name":"q","description":null,"adhoc":true,"created":"` + when + `","createdBy":"u","updated":"` + when + `","updatedBy":"u","parameters":{}}}}`,
		}}, []cloudflare.Log{{Time: time.Unix(2, 0).UTC(), Level: "log", Message: "begins"}, {Time: time.Unix(3, 0).UTC(), Level: "error", Message: "Error: no"}}},
		{"WorkersInvocations", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Invocations, error) {
			return c.WorkersInvocations(ctx, cloudflare.InvocationsQuery{Account: acc, Script: "shop", From: time.Unix(0, 0), To: time.Unix(60, 0)})
		}), []exchange{{want: "POST /graphql", bare: `{"data":{"viewer":{"accounts":[{"workersInvocationsAdaptive":[{"dimensions":{"scriptVersion":"` + uuid + `","status":"success"},"sum":{"requests":7,"errors":1,"subrequests":2},"quantiles":{"cpuTimeP50":1500,"cpuTimeP99":2500.5,"wallTimeP50":0,"wallTimeP99":1}}]}]}}}`}}, []cloudflare.Invocations{{Version: uuid, Status: "success", Requests: 7, Errors: 1, Subrequests: 2, CPUTimeP50: 1500 * time.Microsecond, CPUTimeP99: 2500500, WallTimeP99: time.Microsecond}}},
	}
}

func addressContracts() []contract {
	zoneJSON := `{"id":"` + zone + `","name":"shop.example","status":"active","paused":false,"type":"full","development_mode":0,"name_servers":["a.ns"],"original_name_servers":null,"original_registrar":null,"original_dnshost":null,"created_on":"` + when + `","modified_on":"` + when + `","activated_on":null,"account":{"id":"` + acc + `","name":"Acme"},"owner":{"id":null,"name":"","type":"user"},"meta":{},"plan":{"id":"x"}}`
	z := cloudflare.Zone{ID: zone, Name: "shop.example", Status: "active", Type: "full", NameServers: []string{"a.ns"}, Account: cloudflare.Account{ID: acc, Name: "Acme"}}
	recordJSON := `{"id":"` + zone + `","type":"A","name":"shop.example","content":"192.0.2.1","ttl":1,"proxied":true,"proxiable":true,"created_on":"` + when + `","modified_on":"` + when + `"}`
	record := cloudflare.DNSRecord{ID: zone, Type: "A", Name: "shop.example", Content: "192.0.2.1", TTL: 1, Proxied: true}
	recordBody := `{"type":"A","name":"shop.example","content":"192.0.2.1","ttl":1,"proxied":true}`
	route := cloudflare.Route{ID: zone, Pattern: "shop.example/*", Script: "shop"}
	routeJSON := `{"id":"` + zone + `","pattern":"shop.example/*","script":"shop"}`
	routeBody := `{"pattern":"shop.example/*","script":"shop"}`
	domainJSON := `{"id":"d","hostname":"www.shop.example","service":"shop","zone_id":"` + zone + `","zone_name":"shop.example","cert_id":"` + uuid + `","environment":"production"}`
	domain := cloudflare.Domain{ID: "d", Hostname: "www.shop.example", Service: "shop", ZoneID: zone, ZoneName: "shop.example", CertID: uuid, Environment: "production"}
	inZone := "/zones/" + zone
	return []contract{
		{"Zones", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.Zone, error] {
			return c.Zones(ctx, cloudflare.ZoneFilter{Name: "shop.example", Account: acc, Status: "active"})
		}), []exchange{{want: "GET /zones?account.id=" + acc + "&name=shop.example&page=1&per_page=50&status=active", result: `[` + zoneJSON + `]`}}, []cloudflare.Zone{z}},
		{"Zone", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Zone, error) { return c.Zone(ctx, zone) }), []exchange{{want: "GET " + inZone, result: zoneJSON}}, z},
		{"DNSRecords", list(func(ctx context.Context, c *cloudflare.Client) iter.Seq2[cloudflare.DNSRecord, error] {
			return c.DNSRecords(ctx, zone, cloudflare.DNSFilter{Type: "A", Name: "shop.example"})
		}), []exchange{{want: "GET " + inZone + "/dns_records?name=shop.example&page=1&per_page=1000&type=A", result: `[` + recordJSON + `]`}}, []cloudflare.DNSRecord{record}},
		{"CreateDNSRecord", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.DNSRecord, error) {
			return c.CreateDNSRecord(ctx, zone, record)
		}), []exchange{{want: "POST " + inZone + "/dns_records", wantBody: recordBody, result: recordJSON}}, record},
		{"UpdateDNSRecord", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.DNSRecord, error) {
			return c.UpdateDNSRecord(ctx, zone, zone, record)
		}), []exchange{{want: "PUT " + inZone + "/dns_records/" + zone, wantBody: recordBody, result: recordJSON}}, record},
		{"DeleteDNSRecord", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteDNSRecord(ctx, zone, zone) }), []exchange{{want: "DELETE " + inZone + "/dns_records/" + zone, bare: `{"success":true,"errors":[],"messages":[],"result":{"id":"` + zone + `"}}`}}, nil},
		{"Routes", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Route, error) {
			return c.Routes(ctx, zone)
		}), []exchange{{want: "GET " + inZone + "/workers/routes", result: `[` + routeJSON + `,{"id":"x","pattern":"shop.example/raw/*"}]`}}, []cloudflare.Route{route, {ID: "x", Pattern: "shop.example/raw/*"}}},
		{"CreateRoute", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Route, error) {
			return c.CreateRoute(ctx, zone, route)
		}), []exchange{{want: "POST " + inZone + "/workers/routes", wantBody: routeBody, result: routeJSON}}, route},
		{"UpdateRoute", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Route, error) {
			return c.UpdateRoute(ctx, zone, zone, route)
		}), []exchange{{want: "PUT " + inZone + "/workers/routes/" + zone, wantBody: routeBody, result: routeJSON}}, route},
		{"DeleteRoute", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteRoute(ctx, zone, zone) }), []exchange{{want: "DELETE " + inZone + "/workers/routes/" + zone, result: `{"id":"` + zone + `"}`}}, nil},
		{"Domains", value(func(ctx context.Context, c *cloudflare.Client) ([]cloudflare.Domain, error) {
			return c.Domains(ctx, acc, cloudflare.DomainFilter{Service: "shop", Hostname: "www.shop.example", ZoneID: zone})
		}), []exchange{{want: "GET " + accounts + "/workers/domains?hostname=www.shop.example&service=shop&zone_id=" + zone, result: `[` + domainJSON + `]`}}, []cloudflare.Domain{domain}},
		{"PutDomain", value(func(ctx context.Context, c *cloudflare.Client) (cloudflare.Domain, error) {
			return c.PutDomain(ctx, acc, cloudflare.DomainAttach{Hostname: "www.shop.example", Service: "shop", ZoneID: zone, Environment: "production", OverrideExistingDNSRecord: true})
		}), []exchange{{want: "PUT " + accounts + "/workers/domains", wantBody: `{"hostname":"www.shop.example","service":"shop","zone_id":"` + zone + `","environment":"production","override_existing_dns_record":true}`, result: domainJSON}}, domain},
		{"DeleteDomain", nothing(func(ctx context.Context, c *cloudflare.Client) error { return c.DeleteDomain(ctx, acc, "d") }), []exchange{{want: "DELETE " + accounts + "/workers/domains/d", result: `null`}}, nil},
	}
}
