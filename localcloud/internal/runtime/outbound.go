package runtime

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/outbound.js
var outboundJS string

// The names that calls by hostname go by. fetch of a Worker goes to the Worker of
// js/outbound.js in its process, which lets through to the internet what is not ours and
// asks this program for the rest.
const (
	outboundService = "outbound"
	outboundHeader  = "X-Clodo-Outbound" // who calls, as JSON
	askHeader       = "X-Clodo-Ask"      // only whether there would be an answer
)

// caller is a Worker that calls another one by hostname.
type caller struct {
	Account string `json:"account"`
	Script  string `json:"script"`
	// Public is Cloudflare's compatibility flag global_fetch_strictly_public: calls go
	// through the front door, wherever they lead.
	Public bool   `json:"public,omitempty"`
	Scheme string `json:"scheme"` // of the URL that was called
}

const publicFlag = "global_fetch_strictly_public"

// outbound has fetch of a version look at the addresses of this cloud first.
func (c *configuration) outbound(w *Worker, v *Version) (workerd.Designator, error) {
	if c.alone {
		return workerd.Designator{}, nil // a trial boot asks nobody
	}
	if !c.have[outboundService] {
		c.add(workerd.Service{Name: outboundService, Worker: &workerd.Worker{
			Modules:           []workerd.Module{{Name: "outbound.js", Kind: workerd.ESModule, Source: workerd.Source{Text: outboundJS}}},
			CompatibilityDate: ownDate,
			// Sockets of connect() are not looked at.
			CompatibilityFlags: []string{"connect_pass_through"},
			Bindings:           []workerd.Binding{{Name: "CLOUD", Service: &workerd.Designator{Service: c.resource(outboundService + ":")}}},
		}})
		c.out.Sockets = append(c.out.Sockets, workerd.Socket{Name: outboundService, Service: workerd.Designator{Service: outboundService, Entrypoint: "changed"}})
	}
	props, err := json.Marshal(caller{Account: w.Account, Script: w.Script, Public: slices.Contains(v.CompatibilityFlags, publicFlag)})
	if err != nil {
		return workerd.Designator{}, fmt.Errorf("encoding the name of a Worker: %w", err)
	}
	return workerd.Designator{Service: outboundService, Props: string(props)}, nil
}

// outbound answers js/outbound.js: which hostnames may be this cloud's, whether an address
// is, and the requests to those that are.
func (r *Runtime) outbound(w http.ResponseWriter, req *http.Request, _ string) {
	if req.Header.Get(outboundHeader) == "" {
		r.tellAddresses(w)
		return
	}
	var from caller
	if err := json.Unmarshal([]byte(req.Header.Get(outboundHeader)), &from); err != nil {
		http.Error(w, "the call does not say whose it is: "+err.Error(), http.StatusBadRequest)
		return
	}
	ask := req.Header.Get(askHeader) != ""
	for _, internal := range []string{resourceHeader, keyHeader, outboundHeader, askHeader} {
		req.Header.Del(internal)
	}
	if !ask {
		r.call(from).ServeHTTP(w, req)
		return
	}
	if r.answers(req.Context(), from, req.Host, req.URL) {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// addresses are the hostnames that may be this cloud's, and the ends of such hostnames.
type addresses struct {
	Names   []string `json:"names"`
	Endings []string `json:"endings"`
	Port    string   `json:"port"` // beside that of the scheme
}

func (a addresses) equal(b addresses) bool {
	return slices.Equal(a.Names, b.Names) && slices.Equal(a.Endings, b.Endings)
}

func (r *Runtime) tellAddresses(w http.ResponseWriter) {
	var all addresses
	if t := r.table.Load(); t != nil {
		all = t.addresses()
	}
	all.Port = r.options.Port
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(all) // the process may be gone
}

// noticed is how long a change waits for the processes that have to know of it: one that
// is blocked calls nobody either.
const noticed = time.Second

// notice has the processes ask anew which addresses are this cloud's.
func (r *Runtime) notice(ctx context.Context, generations ...*generation) {
	ctx, cancel := context.WithTimeout(ctx, noticed)
	defer cancel()
	var asking []<-chan struct{}
	for _, g := range generations {
		if to := g.address(outboundService); to != "" {
			told := make(chan struct{})
			asking = append(asking, told)
			r.tasks.Go(func() {
				defer close(told)
				g.notice(to)
			})
		}
	}
	for _, told := range asking {
		select {
		case <-told:
		case <-ctx.Done():
			return
		}
	}
}

// notice tells a process that addresses have changed.
func (g *generation) notice(to string) {
	req, err := http.NewRequestWithContext(g.living, http.MethodPost, "http://"+to+"/", http.NoBody)
	if err != nil {
		return
	}
	req.Close = true
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil {
		_ = res.Body.Close() // empty
	} // else it has ended
}
