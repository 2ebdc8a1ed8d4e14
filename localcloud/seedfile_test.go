package localcloud

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
)

const wholeSeed = `
accounts:
  - { id: 11111111111111111111111111111111, name: shop, subdomain: my-shop }
  - id: "22222222222222222222222222222222"
    name: agency
zones:
  - plain.example
  - name: shop.example
    account: agency            # by name or id
    dns:
      - { type: A, name: www, content: 192.0.2.1, proxied: true }
      - { type: TXT, name: "@", content: hello, ttl: 300 }
tokens:
  - { value: clodo_local_reader, name: reader, accounts: [shop], groups: [Workers Scripts Read], expires: "2030-01-31T12:00:00Z" }
  - value: clodo_local_all
rate_limit: 100/1m
limits: { scripts: 10, worker_size: 1000000 }
faults:
  - "POST /zones: lost, p=0.5"
fault_seed: 7
certificate_delay: 30s
clock: { scale: 60, ahead: 24h }
`

var wholeSeeds = SeedFile{
	Seed: Seed{
		Accounts: []Account{{ID: strings.Repeat("1", 32), Name: "shop", Subdomain: "my-shop"}, {ID: strings.Repeat("2", 32), Name: "agency"}},
		Zones:    []string{"plain.example", "shop.example@" + strings.Repeat("2", 32)},
		Records: []DNSRecord{
			{Zone: "shop.example", Type: "A", Name: "www", Content: "192.0.2.1", Proxied: true},
			{Zone: "shop.example", Type: "TXT", Name: "@", Content: "hello", TTL: 300},
		},
		Tokens: []Token{
			{Value: "clodo_local_reader", Name: "reader", Accounts: []string{strings.Repeat("1", 32)}, Groups: []string{"Workers Scripts Read"}, Expires: time.Date(2030, 1, 31, 12, 0, 0, 0, time.UTC)},
			{Value: "clodo_local_all"},
		},
	},
	RateLimit: RateLimit{Calls: 100, Window: time.Minute}, Limits: Limits{Scripts: 10, WorkerSize: 1_000_000},
	Faults: []Fault{{Match: "POST /zones", Kind: FaultLost, Probability: 0.5}}, FaultSeed: 7,
	TimeScale: 60, Ahead: 24 * time.Hour, CertificateDelay: 30 * time.Second,
}

func TestASeedFileIsRead(t *testing.T) {
	t.Parallel()
	got, found := ParseSeedFile("seed.yaml", []byte(wholeSeed))
	if diff := cmp.Diff(wholeSeeds, got); len(found) > 0 || diff != "" {
		t.Errorf("%v\n%s", found, diff)
	}
	got, found = ParseSeedFile("seed.json", []byte(`{"zones": ["a.example"], "clock": {"scale": 1.5}}`))
	if len(found) > 0 || len(got.Seed.Zones) != 1 || got.TimeScale != 1.5 {
		t.Errorf("JSON: %v, %+v", found, got)
	}
}

func TestASeededCloudIsLikeItsFile(t *testing.T) {
	t.Parallel()
	s, _ := ParseSeedFile("seed.yaml", []byte(wholeSeed))
	dir := t.TempDir()
	for range 2 { // seeding again changes nothing
		c, err := Start(t.Context(), local(Options{Dir: dir, Seed: s.Seed, RateLimit: s.RateLimit, Ahead: s.Ahead, CertificateDelay: s.CertificateDelay}))
		fatal(t, err)
		r := remote{t, c.Info()}
		if r.info.WorkersDev != "my-shop.workers.dev" || r.info.AccountID != strings.Repeat("1", 32) || len(r.info.Zones) != 2 {
			t.Errorf("it is %+v", r.info)
		}
		if c.Now().Before(time.Now().Add(23 * time.Hour)) {
			t.Errorf("its time is %v", c.Now())
		}
		r.info.APIToken = "clodo_local_all"
		for path, want := range map[string][]string{
			"/client/v4/zones?name=shop.example": {"agency"}, "/client/v4/user/tokens": {`"name":"reader"`, "2030-01-31T12:00:00Z", `"total_count":3`},
		} {
			code, body := r.send("GET", path, "", nil)
			for _, text := range want {
				if code != 200 || !strings.Contains(string(body), text) {
					t.Errorf("%s: %d %s, want %s", path, code, body, text)
				}
			}
		}
		zone, err := c.storage.store.Directory(t.Context())
		fatal(t, err)
		if code, body := r.send("GET", "/client/v4/zones/"+zone.Zones[1].ID+"/dns_records", "", nil); code != 200 || strings.Count(string(body), `"content":`) != 2 {
			t.Errorf("its records: %d %s", code, body)
		}
		end(t, c)
	}
}

func TestWhatIsWrongInASeedFileIsToldWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"bananas: 1":            `1:1 the file has no "bananas"`,
		"- a":                   "1:1 the file is a map, not a list",
		"accounts: 7":           "1:11 this is a list",
		"accounts: [7]":         "1:12 an account is a map",
		"accounts: [{name: x}]": "1:12 an account needs an id",
		"accounts: [{id: abc}]": "is not 32 hex digits",
		"accounts: [{id: 11111111111111111111111111111111, subdomain: A.b}]": `its subdomain "A.b"`,
		"zones: [shop]":                `1:9 zone "shop" is not a domain`,
		"zones: [{name: a b.example}]": `1:16 zone "a b.example" is not a domain`,
		"zones: [{name: a.b, dns: [{type: A, name: w, content: x}]}]":                 "1:27 Content for A record must be a valid IPv4 address.",
		"zones: [{name: a.b, dns: [{type: Q, name: w, content: x}]}]":                 `1:27 DNS Validation Error: "Q" is no type`,
		"zones: [{name: a.b, dns: [{type: A, name: w, content: 192.0.2.1, ttl: 5}]}]": "1:27 DNS Validation Error: ttl",
		"zones: [{account: x}]":                              "a zone needs a name",
		"zones: [{name: a.b, account: x}]":                   `1:30 there is no account "x"`,
		"zones: [{name: a.b, dns: [{}]}]":                    "a DNS record needs",
		"zones: [[]]":                                        "a zone is a map",
		"zones: [{name: []}]":                                "this is text, not a list",
		"tokens: [{value: secret}]":                          "begins with clodo_local_",
		"tokens: [{value: clodo_local_x, groups: [Read]}]":   `there is no permission group "Read"`,
		"tokens: [{value: clodo_local_x, expires: soon}]":    "2027-01-31T12:00:00Z",
		"tokens: [{value: clodo_local_x, accounts: [shop]}]": `there is no account "shop"`,
		"rate_limit: often":                                  "a rate limit is off or",
		"limits: {scripts: 0}":                               "at least 1",
		"limits: {scripts: -1}":                              "a number from 0",
		"limits: {scripts: many}":                            "a number from 0, not many",
		"limits: {bananas: 1}":                               "what it can have: crons,",
		"faults: [POST /zones]":                              "there is no colon",
		"clock: {scale: 0.5}":                                "cannot run 0.5 times",
		"clock: {scale: fast}":                               "a number, not text",
		"clock: {ahead: -1h}":                                "a time such as",
		"certificate_delay: []":                              "text, not a list",
		"zones: [":                                           "C001",
	} {
		_, found := ParseSeedFile("seed.yaml", []byte(text))
		told := ""
		for _, f := range found {
			told += strings.TrimPrefix(f.Pos.String(), "seed.yaml:") + " " + f.Message + "; " + f.Fix + " " + f.Code + "\n"
		}
		if !diag.HasErrors(found) || !strings.Contains(told, want) {
			t.Errorf("%s: %s, want %q in it", text, told, want)
		}
	}
}

func FuzzParseSeedFile(f *testing.F) {
	f.Add(wholeSeed)
	f.Add("zones: [a@b, {name: x, account: 7}]")
	f.Add("accounts: {}\ntokens: [null]\nclock: 1\nlimits: []")
	f.Fuzz(func(t *testing.T, text string) {
		if s, found := ParseSeedFile("seed.yaml", []byte(text)); !diag.HasErrors(found) {
			for _, rule := range s.Faults {
				if _, err := ParseFault(rule.String()); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestACertificateTakesItsTime(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir(), CertificateDelay: time.Minute, Seed: Seed{Zones: []string{"shop.example"}}})
	r := remote{t, c.Info()}
	r.deploy("web", `export default { fetch() { return new Response("hello") } }`, "")
	r.do("PUT", "/client/v4/accounts/{a}/workers/domains", map[string]string{"hostname": "www.shop.example", "service": "web"})
	ask := func(host string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.info.Data, nil)
		fatal(t, err)
		req.Host = host
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		fatal(t, err)
		return res.StatusCode, string(b)
	}
	if code, body := ask("www.shop.example"); code != 525 || !strings.Contains(body, "is issued in") {
		t.Errorf("before its certificate: %d %s", code, body)
	}
	if code, body := ask("web." + r.info.WorkersDev); code != 200 || body != "hello" {
		t.Errorf("by its other name: %d %s", code, body)
	}
	fatal(t, c.Advance(time.Minute))
	if code, body := ask("www.shop.example"); code != 200 || body != "hello" {
		t.Errorf("with its certificate: %d %s", code, body)
	}
}
