package runtime

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/tamylaa/clodo/internal/workerd"
)

//go:embed js/tail.js
var tailJS string

// tailService is the Worker that workerd tells about every invocation, and the
// resource that it hands this on to.
const tailService = "tail"

// Trace is what workerd told about one invocation. Times are in milliseconds since
// 1970, by the machine's clock.
type Trace struct {
	Invoked
	Entrypoint      string          `json:"entrypoint"`
	Outcome         string          `json:"outcome"`
	Began           *float64        `json:"eventTimestamp"`
	Ended           float64         `json:"ended"`   // with everything that waitUntil kept going
	CPU             float64         `json:"cpuTime"` // 0 means that workerd does not know
	Model           string          `json:"executionModel"`
	DurableObjectID string          `json:"durableObjectId"`
	Truncated       bool            `json:"truncated"`
	Exceptions      json.RawMessage `json:"exceptions"`
	Logs            json.RawMessage `json:"logs"`
	Diagnostics     json.RawMessage `json:"diagnosticsChannelEvents"`
	Event           json.RawMessage `json:"event"` // null for an invocation without one
}

// maxTraces bounds one batch of traces; each of them is at most some 256 KiB.
const maxTraces = 256 << 20

// tails makes the invocations of a version known: to the observer, and to the
// Workers that the version names as its consumers.
func (c *configuration) tails(w *Worker, v *Version) ([]workerd.Designator, error) {
	if c.alone {
		return nil, nil
	}
	var all []workerd.Designator
	if c.observed {
		c.add(workerd.Service{Name: tailService, Worker: &workerd.Worker{
			Modules:           []workerd.Module{{Name: "tail.js", Kind: workerd.ESModule, Source: workerd.Source{Text: tailJS}}},
			CompatibilityDate: ownDate,
			Bindings:          []workerd.Binding{{Name: "SINK", Service: &workerd.Designator{Service: c.resource(tailService + ":")}}},
		}})
		props, err := json.Marshal(Invoked{w.Account, w.Script, v.ID})
		if err != nil {
			return nil, fmt.Errorf("encoding the name of a version: %w", err)
		}
		all = append(all, workerd.Designator{Service: tailService, Props: string(props)})
	}
	for _, name := range w.TailConsumers {
		consumer := c.find(w.Account, name)
		if consumer == nil || consumer == w || !consumer.current().hasCode() {
			continue // gone since; a Worker that tails itself would never end
		}
		all = append(all, workerd.Designator{Service: codeName(consumer, consumer.current())})
	}
	return all, nil
}

// traced takes a batch of traces from js/tail.js.
func (r *Runtime) traced(w http.ResponseWriter, req *http.Request, _ string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxTraces))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var all []Trace
	if err := json.Unmarshal(body, &all); err != nil {
		r.log.Error("what workerd told about invocations is not readable", "error", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.options.Observer.Traced(all)
	w.WriteHeader(http.StatusNoContent)
}
