package api

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/tail"
)

func tailEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: scriptPath + "/tails", Permissions: tailsRead, handle: (*call).addTail},
		{Method: "GET", Pattern: scriptPath + "/tails", Permissions: tailsRead, handle: (*call).newestTail},
		{Method: "DELETE", Pattern: scriptPath + "/tails/{tail_id}", Permissions: tailsRead, handle: (*call).removeTail},
		{Method: "GET", Pattern: accountPath + "/workers/tails/by-consumer/{script_name}", Permissions: scriptsRead, handle: (*call).tailProducers},
	}
}

// TailPath is where the WebSockets of tails are, with {tail_id} at its end.
const TailPath = "/local/tails/{tail_id}"

// ServeTail is the WebSocket of a tail. Its id is a secret, so no token is needed.
func (a *API) ServeTail(w http.ResponseWriter, req *http.Request) {
	a.tails.Connect(w, req, req.PathValue("tail_id"))
}

func (c *call) tailJSON(t *tail.Tail) map[string]string {
	return map[string]string{"id": t.ID, "url": "ws://" + c.req.Host + "/local/tails/" + t.ID, "expires_at": stamp(t.Expires)}
}

// addTail makes a tail. Whoever connects to its url gets the events.
func (c *call) addTail() (any, error) {
	body, err := io.ReadAll(c.req.Body)
	if err != nil {
		return nil, bodyError(err)
	}
	self, _, err := net.SplitHostPort(c.req.RemoteAddr)
	if err != nil {
		self = c.req.RemoteAddr
	}
	filters, err := tail.Parse(body, self)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, 10026, "The filters of a tail: %s.", NotJSON(err))
	}
	if err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		_, err := c.script(tx)
		return err
	}); err != nil {
		return nil, err
	}
	t, err := c.tails.Add(c.account.ID, c.scriptName(), filters)
	if errors.Is(err, tail.ErrTooMany) {
		return nil, refuse(http.StatusTooManyRequests, 10004, "%s.", err)
	}
	if err != nil {
		return nil, err
	}
	return c.tailJSON(t), nil
}

func (c *call) newestTail() (any, error) {
	all := c.tails.List(c.account.ID, c.scriptName())
	if len(all) == 0 {
		return nil, refuse(http.StatusNotFound, 10058, "Worker %q has no tail, or it has expired.", c.scriptName())
	}
	return c.tailJSON(all[len(all)-1]), nil
}

func (c *call) removeTail() (any, error) {
	if !c.tails.Delete(c.account.ID, c.scriptName(), c.vars["tail_id"]) {
		return nil, refuse(http.StatusNotFound, 10058, "This tail does not exist or has expired.")
	}
	return nil, nil
}

// tailConsumer is one of metadata.tail_consumers.
type tailConsumer struct {
	Service     string `json:"service"`
	Environment string `json:"environment,omitempty"`
	Namespace   string `json:"namespace,omitempty"`
}

func tailConsumers(raw json.RawMessage) ([]tailConsumer, error) {
	var all []tailConsumer
	if !given(raw) {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, refuse(http.StatusBadRequest, 10001, "tail_consumers is not a list of objects with a service: %s.", NotJSON(err))
	}
	return all, nil
}

// checkTailConsumers refuses consumers that cannot get the events of a script.
func checkTailConsumers(tx *store.Tx, script store.Script, raw json.RawMessage) error {
	all, err := tailConsumers(raw)
	if err != nil {
		return err
	}
	for _, consumer := range all {
		switch {
		case consumer.Namespace != "":
			return refuse(http.StatusBadRequest, 10203, "The tail Worker %q is in a dispatch namespace, which the local cloud does not have.", consumer.Service)
		case consumer.Service == script.Name:
			return refuse(http.StatusBadRequest, 10203, "Worker %q cannot be its own tail Worker.", script.Name)
		}
		_, err := tx.Script(script.Account, consumer.Service)
		if errors.Is(err, store.ErrNotFound) {
			return refuse(http.StatusNotFound, 10203, "The tail Worker %q does not exist on your account.", consumer.Service)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tailProducers lists the Workers whose events a Worker gets.
func (c *call) tailProducers() (any, error) {
	listed := []any{}
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		names, err := tailedBy(tx, c.account.ID, c.scriptName())
		for _, name := range names {
			listed = append(listed, map[string]any{"consumer": tailConsumer{Service: c.scriptName()}, "producer": tailConsumer{Service: name, Environment: "production"}})
		}
		return err
	})
	return listed, err
}

// tailedBy names the Workers whose events a Worker gets.
func tailedBy(tx *store.Tx, account, consumer string) ([]string, error) {
	all, err := tx.Scripts(account)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, s := range all {
		consumers, err := tailConsumers(s.TailConsumers)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(consumers, func(t tailConsumer) bool { return t.Service == consumer }) {
			names = append(names, s.Name)
		}
	}
	return names, nil
}
