package localcloud

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestALostAnswerWasMade(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir()})
	r := remote{t, c.Info()}
	databases := "/client/v4/accounts/{a}/d1/database"
	r.do("PUT", "/local/faults", map[string]any{"seed": 3, "rules": []any{
		"POST /accounts/*/d1/database: lost, count=1",
		map[string]any{"match": "POST /accounts/*/d1/database", "kind": "reset", "after": 1, "count": 1},
	}})
	create := func(name string) error {
		return control(t.Context(), r.info.API, r.info.APIToken, "POST", strings.ReplaceAll(databases, "{a}", r.info.AccountID), map[string]string{"name": name}, nil)
	}
	if create("lost") == nil || create("reset") == nil {
		t.Error("a broken connection brought an answer")
	}
	if err := create("third"); err != nil {
		t.Error(err)
	}
	var found []struct{ Name string }
	fatal(t, json.Unmarshal(r.do("GET", databases, nil), &found))
	if len(found) != 2 || found[0].Name != "lost" || found[1].Name != "third" {
		t.Errorf("the databases are %v", found)
	}
	report := c.Faults()
	if len(report.Rules) != 2 || report.Seed != 3 || report.Rules[0].Struck != 1 || report.Rules[1].Struck != 1 || report.Rules[1].Seen != 3 {
		t.Errorf("the report is %+v", report)
	}
}

func TestFaultsAreManagedWhileItRuns(t *testing.T) {
	t.Parallel()
	rule, err := ParseFault("GET /accounts: 503")
	fatal(t, err)
	c := start(t, Options{Dir: t.TempDir(), Faults: []Fault{rule}, FaultSeed: 5})
	r := remote{t, c.Info()}
	status := func() int {
		code, _ := r.send("GET", "/client/v4/accounts", "", nil)
		return code
	}
	rules := func() int { return len(c.Faults().Rules) }
	if status() != 503 || c.Faults().Seed != 5 {
		t.Error("the fault of the beginning does not strike")
	}
	r.do("POST", "/local/faults", map[string]any{"rules": []string{"data *: reset", "DELETE *: lost"}})
	if rules() != 3 {
		t.Errorf("after adding two there are %d", rules())
	}
	res, err := http.Get(c.Info().Data) //nolint:noctx // it is broken at once
	if err == nil {
		res.Body.Close()
		t.Error("the data port answers")
	}
	r.do("DELETE", "/local/faults/1", nil)
	if rules() != 2 || status() != 200 {
		t.Error("the removed fault strikes")
	}
	for body, want := range map[string]string{
		`{"rules":["POST /zones: gone"]}`: "is not known", `{"rules":[{"match":"*","kind":"storm"}]}`: "no fault", `{"seed":-1}`: "seed", `{"faults":[]}`: "unknown field", `nonsense`: "invalid character",
		``: "the body is empty", `5`: "it is a number, not an object", `{"rules":5}`: `\"rules\" is a number, not an array`, `{"rules":[5]}`: "a fault is a text or an object: it is a number, not an object", `{"rules":[]} and`: "goes on after its object",
	} {
		for _, method := range []string{"PUT", "POST"} {
			if code, answer := r.send(method, "/local/faults", "", strings.NewReader(body)); code != 400 || !strings.Contains(string(answer), want) {
				t.Errorf("%s %s: %d %s", method, body, code, answer)
			}
		}
	}
	if code, _ := r.send("DELETE", "/local/faults/99", "", nil); code != 404 {
		t.Errorf("removing what is not there: %d", code)
	}
	if code, answer := r.send("PATCH", "/local/faults", "", nil); code != 404 || !strings.Contains(string(answer), `{"error":"the local cloud has no PATCH /local/faults"}`) {
		t.Errorf("a control endpoint that is not there: %d %s", code, answer)
	}
	if rules() != 2 {
		t.Error("what was refused changed the faults")
	}
	r.do("GET", "/local/faults", nil)
	r.do("DELETE", "/local/faults", nil)
	if rules() != 0 {
		t.Error("they are not gone")
	}
	fatal(t, c.SetFaults(1, rule))
	r.info.APIToken = "clodo_local_stranger"
	for _, call := range []string{"PUT /local/faults", "POST /local/faults", "DELETE /local/faults", "DELETE /local/faults/1", "POST /local/clock"} {
		method, path, _ := strings.Cut(call, " ")
		if code, _ := r.send(method, path, "", strings.NewReader("{}")); code != 403 {
			t.Errorf("a stranger's %s: %d", call, code)
		}
	}
	if _, err := Start(t.Context(), local(Options{Dir: t.TempDir(), Faults: []Fault{{Match: "*"}}})); err == nil {
		t.Error("a cloud starts with a fault that cannot be")
	}
}

func TestATokenHasSoManyCalls(t *testing.T) {
	t.Parallel()
	c := start(t, Options{
		Dir: t.TempDir(), RateLimit: RateLimit{Calls: 3},
		Seed: Seed{Tokens: []Token{{Value: "clodo_local_second"}, {Value: "clodo_local_weak", Groups: []string{}}}},
	})
	info := c.Info()
	call := func(token, path string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", strings.TrimSuffix(info.API, "/client/v4")+path, nil)
		fatal(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(req)
		fatal(t, err)
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		fatal(t, err)
		return res, string(b)
	}
	accounts := "/client/v4/accounts"
	for _, want := range []string{`"default";r=2;t=300`, `"default";r=1;t=300`, `"default";r=0;t=300`} {
		res, _ := call(info.APIToken, accounts)
		if got := res.Header.Get("Ratelimit"); res.StatusCode != 200 || got != want || res.Header.Get("Ratelimit-Policy") != `"default";q=3;w=300` || res.Header.Get("Retry-After") != "" {
			t.Errorf("%d, Ratelimit %s, want %s", res.StatusCode, got, want)
		}
	}
	res, body := call(info.APIToken, accounts)
	if res.StatusCode != 429 || !strings.Contains(body, `"code":971`) || res.Header.Get("Retry-After") != "300" {
		t.Errorf("a call too many: %d %s %v", res.StatusCode, body, res.Header)
	}
	if res, _ := call(info.APIToken, "/client/v4/nowhere"); res.StatusCode != 429 {
		t.Errorf("an endpoint that is not there, with no call left: %d", res.StatusCode)
	}
	if res, _ := call("clodo_local_second", "/client/v4/nowhere"); res.StatusCode != 501 || res.Header.Get("Ratelimit") != `"default";r=2;t=300` {
		t.Errorf("an endpoint that is not there: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := call(info.APIToken, "/local/info"); res.StatusCode != 200 {
		t.Errorf("the control endpoints answer %d", res.StatusCode)
	}
	if res, _ := call("clodo_local_second", accounts); res.StatusCode != 200 {
		t.Errorf("another token: %d", res.StatusCode)
	}
	for _, want := range []int{403, 403, 403, 429} {
		if res, _ := call("clodo_local_weak", "/client/v4/accounts/"+info.AccountID+"/d1/database"); res.StatusCode != want {
			t.Errorf("a token without rights: %d, want %d", res.StatusCode, want)
		}
	}
	// The block is over when the cloud's time says so.
	fatal(t, c.Advance(299*time.Second))
	if res, _ := call(info.APIToken, accounts); res.StatusCode != 429 {
		t.Errorf("before the end of the block: %d", res.StatusCode)
	}
	fatal(t, c.Advance(time.Second))
	if res, _ := call(info.APIToken, accounts); res.StatusCode != 200 {
		t.Errorf("after the block: %d", res.StatusCode)
	}
	for range 3 {
		call(info.APIToken, accounts)
	}
	fatal(t, c.Reset(t.Context()))
	if res, _ := call(info.APIToken, accounts); res.StatusCode != 200 {
		t.Errorf("after a reset: %d", res.StatusCode)
	}
}

func TestWhatIsSeededIsMadeAtTheCloudsTime(t *testing.T) {
	t.Parallel()
	began := time.Now()
	c := start(t, Options{Dir: t.TempDir(), Ahead: 24 * time.Hour, Seed: Seed{Zones: []string{"first.example"}}})
	fatal(t, c.Advance(24*time.Hour))
	fatal(t, c.Extend(t.Context(), Seed{Zones: []string{"second.example"}}))
	var zones []struct {
		Name      string
		CreatedOn time.Time `json:"created_on"`
	}
	fatal(t, json.Unmarshal(remote{t, c.Info()}.do("GET", "/client/v4/zones", nil), &zones))
	days := map[string]int{}
	for _, z := range zones {
		days[z.Name] = int(z.CreatedOn.Sub(began) / (24 * time.Hour))
	}
	if diff := cmp.Diff(map[string]int{"first.example": 1, "second.example": 2}, days); diff != "" {
		t.Errorf("how many days ahead the zones were made (-want +got):\n%s", diff)
	}
}

func TestTheClockIsSetWhileItRuns(t *testing.T) {
	t.Parallel()
	c := start(t, Options{Dir: t.TempDir(), TimeScale: 2})
	r := remote{t, c.Info()}
	var state clockState
	tell := func(method, body string) (int, string) {
		code, answer := r.send(method, "/local/clock", "", strings.NewReader(body))
		_ = json.Unmarshal(answer, &state) // a refusal is looked at as text
		return code, string(answer)
	}
	if code, answer := tell("GET", ""); code != 200 || state.Scale != 2 || state.Now.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("the clock: %d %s", code, answer)
	}
	if code, answer := tell("POST", `{"advance":"24h","scale":60}`); code != 200 || state.Scale != 60 || state.Now.Before(time.Now().Add(24*time.Hour)) || c.Now().Before(state.Now) {
		t.Errorf("moved ahead: %d %s", code, answer)
	}
	fatal(t, c.SetTimeScale(1))
	for _, body := range []string{`{"scale":0}`, `{"scale":1000000}`, `{"advance":"-1h"}`, `{"advance":"soon"}`, `{"advance":"-1h","scale":7}`, `{"advance":"2500000h","scale":7}`, `{"speed":2}`, `{"scale":"fast"}`} {
		if code, answer := tell("POST", body); code != 400 || !strings.Contains(answer, "error") {
			t.Errorf("%s: %d %s", body, code, answer)
		}
	}
	if c.clock.Scale() != 1 {
		t.Errorf("what was refused changed the scale to %v", c.clock.Scale())
	}
	if _, err := Start(t.Context(), local(Options{Dir: t.TempDir(), TimeScale: 0.5})); err == nil {
		t.Error("a cloud starts whose time is slower")
	}
	if _, err := Start(t.Context(), local(Options{Dir: t.TempDir(), RateLimit: RateLimit{Calls: -2}})); err == nil {
		t.Error("a cloud starts with a senseless limit")
	}
}

func TestTimeDoesNotGoBackOverARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ahead := Options{Dir: dir, Ahead: 24 * time.Hour}
	c, err := Start(t.Context(), local(ahead))
	fatal(t, err)
	r := remote{t, c.Info()}
	var made struct{ UUID string }
	database := "/client/v4/accounts/{a}/d1/database"
	fatal(t, json.Unmarshal(r.do("POST", database, map[string]any{"name": "shop"}), &made))
	database += "/" + made.UUID
	r.do("POST", database+"/query", map[string]any{"sql": "CREATE TABLE t (a); INSERT INTO t VALUES ('before')"})
	fatal(t, c.Advance(24*time.Hour))
	r.do("POST", database+"/query", map[string]any{"sql": "INSERT INTO t VALUES ('ahead')"})
	last := c.Now()
	end(t, c)
	c = start(t, ahead)
	if later := c.Now().Sub(last); later < 0 || later > time.Hour {
		t.Fatalf("the cloud's time goes on %v later", later)
	}
	r.info = c.Info()
	r.do("POST", database+"/time_travel/restore?timestamp="+c.Now().Format(time.RFC3339Nano), nil)
	if rows := string(r.do("POST", database+"/query", map[string]any{"sql": "SELECT a FROM t"})); !strings.Contains(rows, "ahead") {
		t.Errorf("what was written last is not in what was restored by the time of now: %s", rows)
	}
	end(t, c)
	fatal(t, os.WriteFile(filepath.Join(dir, clockName), []byte("nonsense"), 0o600))
	if _, err := Start(t.Context(), local(ahead)); err == nil {
		t.Error("a cloud starts with a clock that cannot be read")
	}
}
