package localcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/fault"
	"github.com/tamylaa/clodo/localcloud/internal/quota"
)

// RateLimit is how many calls a token may make within a window of the cloud's time;
// whoever makes one more is refused everything for as long as the window. The zero
// value is Cloudflare's: 1,200 calls in five minutes.
type RateLimit = quota.Policy

// Unlimited as RateLimit.Calls, switches the limit off.
const Unlimited = quota.Unlimited

// ParseRateLimit reads "off", or calls and window such as "1200/5m".
func ParseRateLimit(text string) (RateLimit, error) {
	limit, err := quota.Parse(text)
	return limit, settingError(err, "say off, or calls and window such as 1200/5m")
}

// Limits are how much of each thing there may be. A zero is Cloudflare's own limit for
// Workers Paid.
type Limits = api.Limits

// Fault says which requests go wrong, how and how often: what Match names is struck
// with Probability, after After of them and at most Count times.
type Fault = fault.Rule

// The kinds of faults.
const (
	FaultLatency = fault.Latency // the request waits, then it is answered as usual
	FaultStatus  = fault.Status  // it is refused with Fault.Status; nothing is done
	FaultReset   = fault.Reset   // the connection breaks before anything is done
	FaultLost    = fault.Lost    // it is done, then the connection breaks without an answer
	FaultPartial = fault.Partial // it is done, then the connection breaks amid the answer
)

// ParseFault reads a fault as a person writes it, such as
// "POST /accounts/*/workers/scripts/*/versions: lost, p=0.5, count=3".
func ParseFault(text string) (Fault, error) {
	f, err := fault.Parse(text)
	return f, settingError(err, faultFix)
}

const faultFix = `write it as "POST /accounts/*/workers/**: lost, p=0.5, count=3"`

// FaultReport is the faults in force and what they did.
type FaultReport = fault.Report

// SetFaults puts faults in force in place of those before. The same seed, faults and
// sequence of requests give the same result again.
func (c *Cloud) SetFaults(seed uint64, faults ...Fault) error {
	return c.faults.Replace(seed, faults...)
}

// Faults are the faults in force and how often they struck.
func (c *Cloud) Faults() FaultReport { return c.faults.Report() }

// Now is the cloud's time.
func (c *Cloud) Now() time.Time { return c.clock.Now() }

// SetTimeScale makes the cloud's time run scale times as fast as the machine's, from 1
// to 100,000.
func (c *Cloud) SetTimeScale(scale float64) error { return c.clock.SetScale(scale) }

// Advance moves the cloud's time ahead.
func (c *Cloud) Advance(d time.Duration) error { return c.clock.Advance(d) }

// faultsInput is the body of PUT and POST /local/faults.
type faultsInput struct {
	Seed  uint64  `json:"seed"`
	Rules []Fault `json:"rules"`
}

// clockState is what /local/clock answers; a body of the same fields changes it.
type clockState struct {
	Now   time.Time `json:"now"`
	Scale float64   `json:"scale"`
}

func (c *Cloud) addManners(mux *http.ServeMux) {
	mux.HandleFunc("GET "+savePath, c.withToken(c.serveSave))
	report := func(w http.ResponseWriter) { answer(w, http.StatusOK, c.faults.Report()) }
	mux.HandleFunc("GET /local/faults", func(w http.ResponseWriter, _ *http.Request) { report(w) })
	mux.HandleFunc("PUT /local/faults", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		var in faultsInput
		if read(w, r, &in) && done(w, c.faults.Replace(in.Seed, in.Rules...)) {
			report(w)
		}
	}))
	mux.HandleFunc("POST /local/faults", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		var in faultsInput
		if read(w, r, &in) && done(w, c.faults.Add(in.Rules...)) {
			report(w)
		}
	}))
	mux.HandleFunc("DELETE /local/faults", c.withToken(func(w http.ResponseWriter, _ *http.Request) {
		if done(w, c.faults.Replace(0)) {
			report(w)
		}
	}))
	mux.HandleFunc("DELETE /local/faults/{id}", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		if id, err := strconv.Atoi(r.PathValue("id")); err != nil || !c.faults.Remove(id) {
			answer(w, http.StatusNotFound, map[string]string{"error": fmt.Sprintf("there is no fault %q", r.PathValue("id"))})
			return
		}
		report(w)
	}))
	tell := func(w http.ResponseWriter) {
		answer(w, http.StatusOK, clockState{Now: c.clock.Now(), Scale: c.clock.Scale()})
	}
	mux.HandleFunc("GET /local/clock", func(w http.ResponseWriter, _ *http.Request) { tell(w) })
	mux.HandleFunc("POST /local/clock", c.withToken(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Scale   *float64 `json:"scale"`
			Advance string   `json:"advance"` // a time such as 1h
		}
		if read(w, r, &in) && done(w, c.changeClock(in.Scale, in.Advance)) {
			tell(w)
		}
	}))
}

func (c *Cloud) changeClock(scale *float64, advance string) error {
	var d time.Duration
	if advance != "" {
		var err error
		if d, err = time.ParseDuration(advance); err != nil || d < 0 {
			return fmt.Errorf("time is moved ahead by something like 90s or 24h, not %q", advance)
		}
	}
	if scale == nil {
		return c.clock.Advance(d)
	}
	if err := clock.CheckScale(*scale); err != nil {
		return err
	}
	if err := c.clock.Advance(d); err != nil {
		return err
	}
	return c.clock.SetScale(*scale)
}

// read decodes the body of a control endpoint; it answers what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	body := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	body.DisallowUnknownFields() // what is not done is not accepted either
	err := body.Decode(into)
	switch {
	case errors.Is(err, io.EOF):
		err = errors.New("the body is empty, not an object in JSON")
	case err != nil:
		err = errors.New("the body is not the JSON that was expected: " + api.NotJSON(err))
	case body.More():
		err = errors.New("the body goes on after its object")
	}
	return done(w, err)
}

// done reports whether something worked; it answers what did not.
func done(w http.ResponseWriter, err error) bool {
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
	}
	return err == nil
}
