package localcloud

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/internal/source"
	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/fault"
	"github.com/tamylaa/clodo/localcloud/internal/quota"
)

// SeedFile is what a seed file says: what a cloud has, and how it behaves.
type SeedFile struct {
	Seed             Seed
	RateLimit        RateLimit
	Limits           Limits
	Faults           []Fault
	FaultSeed        uint64
	TimeScale        float64       // 0: not said
	Ahead            time.Duration // how far the cloud's time is ahead at its start
	CertificateDelay time.Duration
}

// codeSeedFile is the code of every finding about the words of a seed file.
const codeSeedFile = "L110"

// ParseSeedFile reads a seed file, YAML or JSON by the ending of its name. All that is
// wrong with it is told at once; with errors the result is not to be used.
func ParseSeedFile(name string, data []byte) (SeedFile, []diag.Finding) {
	doc, found := source.Parse(name, data)
	r := &seedReader{doc: doc, found: found}
	if doc.Root == nil {
		return SeedFile{}, r.found
	}
	r.fields(doc.Root, "the file", map[string]func(*source.Value){
		"accounts": func(v *source.Value) { r.each(v, r.account) },
		"zones":    func(v *source.Value) { r.each(v, r.zone) },
		"tokens":   func(v *source.Value) { r.each(v, r.token) },
		"limits":   r.limits,
		"rate_limit": func(v *source.Value) {
			r.check(v, func(s string) (err error) { r.out.RateLimit, err = quota.Parse(s); return err })
		},
		"faults":            func(v *source.Value) { r.each(v, r.fault) },
		"fault_seed":        func(v *source.Value) { r.out.FaultSeed = uint64(r.number(v)) },
		"certificate_delay": func(v *source.Value) { r.out.CertificateDelay = r.duration(v) },
		"clock": func(v *source.Value) {
			r.fields(v, "clock", map[string]func(*source.Value){
				"scale": r.scale,
				"ahead": func(v *source.Value) { r.out.Ahead = r.duration(v) },
			})
		},
	})
	r.resolve()
	return r.out, r.found
}

// seedReader collects what a seed file says, and what is wrong with it.
type seedReader struct {
	doc   *source.Document
	found []diag.Finding
	out   SeedFile
	named []*source.Value // accounts, by id or name
}

func (r *seedReader) wrong(v *source.Value, fix, format string, args ...any) {
	r.found = append(r.found, r.doc.Finding(codeSeedFile, v.At(), fmt.Sprintf(format, args...), "", fix))
}

// fields hands each value of a map to what knows its key.
func (r *seedReader) fields(v *source.Value, what string, known map[string]func(*source.Value)) {
	if v.Kind != source.Map {
		r.wrong(v, "", "%s is a map, not %s", what, v.Kind)
		return
	}
	for _, p := range v.Pairs {
		if use, ok := known[p.Key]; ok {
			use(p.Value)
			continue
		}
		fix := "what it can have: " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		r.found = append(r.found, r.doc.Finding(codeSeedFile, p.Pos, fmt.Sprintf("%s has no %q", what, p.Key), "", fix))
	}
}

func (r *seedReader) each(v *source.Value, use func(*source.Value)) {
	if v.Kind != source.List {
		r.wrong(v, "", "this is a list, not %s", v.Kind)
		return
	}
	for _, item := range v.Items {
		use(item)
	}
}

// text reads a text; a number is taken as it was written, since ids may look like one.
func (r *seedReader) text(v *source.Value) string {
	switch v.Kind {
	case source.String, source.Time, source.Int, source.Float:
		return v.Text
	}
	r.wrong(v, "", "this is text, not %s", v.Kind)
	return ""
}

func (r *seedReader) into(to *string) func(*source.Value) {
	return func(v *source.Value) { *to = r.text(v) }
}

// check reads a text that something else understands.
func (r *seedReader) check(v *source.Value, use func(string) error) {
	if s := r.text(v); s != "" {
		if err := use(s); err != nil {
			r.wrong(v, "", "%s", err)
		}
	}
}

func (r *seedReader) number(v *source.Value) int64 {
	if v.Kind != source.Int || v.Int < 0 {
		r.wrong(v, "", "this is a number from 0, not %s", cmp.Or(v.Text, v.Kind.String()))
		return 0
	}
	return v.Int
}

func (r *seedReader) duration(v *source.Value) (d time.Duration) {
	r.check(v, func(s string) (err error) {
		if d, err = time.ParseDuration(s); err != nil || d < 0 {
			return fmt.Errorf("this is a time such as 30s or 24h, not %q", s)
		}
		return nil
	})
	return d
}

func (r *seedReader) truth(v *source.Value) bool {
	if v.Kind != source.Bool {
		r.wrong(v, "", "this is true or false, not %s", v.Kind)
	}
	return v.True()
}

func (r *seedReader) scale(v *source.Value) {
	switch v.Kind {
	case source.Int:
		r.out.TimeScale = float64(v.Int)
	case source.Float:
		r.out.TimeScale = v.Float
	default:
		r.wrong(v, "", "this is a number, not %s", v.Kind)
		return
	}
	if !(r.out.TimeScale >= 1) {
		r.wrong(v, "1 is the machine's time, 60 makes a minute of a second", "time cannot run %v times as fast", v.Text)
	}
}

func (r *seedReader) account(v *source.Value) {
	var a Account
	r.fields(v, "an account", map[string]func(*source.Value){"id": r.into(&a.ID), "name": r.into(&a.Name), "subdomain": r.into(&a.Subdomain)})
	if a.ID == "" {
		if v.Kind == source.Map {
			r.wrong(v, "", "an account needs an id of 32 hex digits")
		}
		return
	}
	if err := checkAccount(a); err != nil {
		r.wrong(v, "", "%s", err)
	}
	r.out.Seed.Accounts = append(r.out.Seed.Accounts, a)
}

func (r *seedReader) zone(v *source.Value) {
	if v.Kind == source.String {
		name, _, _ := strings.Cut(v.Text, "@")
		r.check(v, func(string) error { return checkZone(name) })
		r.out.Seed.Zones = append(r.out.Seed.Zones, v.Text)
		return
	}
	var name, account string
	var records []DNSRecord
	var places []*source.Value
	r.fields(v, "a zone", map[string]func(*source.Value){
		"name":    func(v *source.Value) { r.check(v, func(s string) error { name = s; return checkZone(s) }) },
		"account": func(v *source.Value) { account = r.reference(v) },
		"dns": func(v *source.Value) {
			r.each(v, func(v *source.Value) { records, places = append(records, r.record(v)), append(places, v) })
		},
	})
	if name == "" {
		if v.Kind == source.Map {
			r.wrong(v, "", "a zone needs a name")
		}
		return
	}
	for i := range records {
		d := &records[i]
		d.Zone = name
		if d.Type == "" || d.Name == "" || d.Content == "" {
			continue // which is told already
		}
		if err := api.CheckRecord(name, d.Type, d.Name, d.Content, d.TTL, d.Proxied); err != nil {
			r.wrong(places[i], "", "%s", err)
		}
	}
	r.out.Seed.Records = append(r.out.Seed.Records, records...)
	if account != "" {
		name += "@" + account
	}
	r.out.Seed.Zones = append(r.out.Seed.Zones, name)
}

func (r *seedReader) record(v *source.Value) (d DNSRecord) {
	r.fields(v, "a DNS record", map[string]func(*source.Value){
		"type": r.into(&d.Type), "name": r.into(&d.Name), "content": r.into(&d.Content),
		"ttl":     func(v *source.Value) { d.TTL = int(r.number(v)) },
		"proxied": func(v *source.Value) { d.Proxied = r.truth(v) },
	})
	if v.Kind == source.Map && (d.Type == "" || d.Name == "" || d.Content == "") {
		r.wrong(v, "", "a DNS record needs a type, a name and content")
	}
	return d
}

func (r *seedReader) token(v *source.Value) {
	var t Token
	r.fields(v, "a token", map[string]func(*source.Value){
		"value": r.into(&t.Value), "name": r.into(&t.Name),
		"accounts": func(v *source.Value) {
			t.Accounts = []string{}
			r.each(v, func(v *source.Value) { t.Accounts = append(t.Accounts, r.reference(v)) })
		},
		"groups": func(v *source.Value) {
			t.Groups = []string{}
			r.each(v, func(v *source.Value) { r.group(v, &t) })
		},
		"expires": func(v *source.Value) {
			r.check(v, func(s string) (err error) {
				if t.Expires, err = time.Parse(time.RFC3339, s); err != nil {
					return fmt.Errorf("this is a time such as 2027-01-31T12:00:00Z, not %q", s)
				}
				return nil
			})
		},
	})
	if v.Kind != source.Map {
		return
	}
	if !strings.HasPrefix(t.Value, api.TokenPrefix) {
		r.wrong(v, "value: "+api.TokenPrefix+"reader", "a token needs a value that begins with %s", api.TokenPrefix)
		return
	}
	r.out.Seed.Tokens = append(r.out.Seed.Tokens, t)
}

func (r *seedReader) group(v *source.Value, t *Token) {
	name := r.text(v)
	if known := api.Groups(); name != "" && !slices.Contains(known, name) {
		r.wrong(v, "groups are: "+strings.Join(known, ", "), "there is no permission group %q", name)
		return
	}
	t.Groups = append(t.Groups, name)
}

func (r *seedReader) fault(v *source.Value) {
	r.check(v, func(s string) error {
		f, err := fault.Parse(s)
		r.out.Faults = append(r.out.Faults, f)
		return err
	})
}

func (r *seedReader) limits(v *source.Value) {
	l := &r.out.Limits
	count := func(to *int) func(*source.Value) {
		return func(v *source.Value) {
			if *to = int(r.number(v)); *to == 0 && v.Kind == source.Int {
				r.wrong(v, "", "a limit is at least 1")
			}
		}
	}
	r.fields(v, "limits", map[string]func(*source.Value){
		"scripts": count(&l.Scripts), "crons": count(&l.Crons), "routes_per_zone": count(&l.RoutesPerZone), "domains_per_zone": count(&l.DomainsPerZone),
		"worker_size": func(v *source.Value) { l.WorkerSize = r.number(v) }, "variables": count(&l.Variables), "variable_size": count(&l.VariableSize),
		"databases": count(&l.Databases), "namespaces": count(&l.Namespaces),
	})
}

// reference reads an account's id or name; resolve makes ids of names.
func (r *seedReader) reference(v *source.Value) string {
	r.named = append(r.named, v)
	return r.text(v)
}

// resolve replaces the names of accounts by their ids, wherever in the file they are.
func (r *seedReader) resolve() {
	ids := map[string]string{}
	for _, a := range r.out.Seed.Accounts {
		ids[a.Name] = a.ID
	}
	for _, v := range r.named {
		if text := v.Text; ids[text] == "" && !isAccountID(text) {
			r.wrong(v, "name an account of this file, or give an id of 32 hex digits", "there is no account %q", text)
		}
	}
	for i, z := range r.out.Seed.Zones {
		if name, account, ok := strings.Cut(z, "@"); ok && ids[account] != "" {
			r.out.Seed.Zones[i] = name + "@" + ids[account]
		}
	}
	for _, t := range r.out.Seed.Tokens {
		for i, account := range t.Accounts {
			t.Accounts[i] = cmp.Or(ids[account], account)
		}
	}
}
