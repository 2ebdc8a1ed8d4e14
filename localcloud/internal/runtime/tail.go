package runtime

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"

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
	// Ray is set for the many that answered a request of the data port, ended well and
	// left nothing: they have no Event, as the Exchange of that ray says all of it.
	Ray             string          `json:"-"`
	Status          int             `json:"-"` // with Ray
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
		props, err := json.Marshal(marked{Invoked{w.Account, w.Script, v.ID}, mark(v.ID)})
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
	all, err := readTraces(body)
	if err != nil {
		r.log.Error("what workerd told about invocations is not readable", "error", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.options.Observer.Traced(all)
	w.WriteHeader(http.StatusNoContent)
}

// marked is what js/tail.js knows of a version: also how the rays begin that the proxy
// makes for it, so that the tail knows a request of the data port from one that another
// Worker handed on.
type marked struct {
	Invoked
	Mark string `json:"mark"`
}

// mark is the beginning of a version's rays.
func mark(version string) string {
	h := fnv.New32a()
	_, _ = io.WriteString(h, version) // never fails
	return fmt.Sprintf("%06x", h.Sum32()>>8)
}

// readTraces reads the lines of js/tail.js: {…} is a trace, =… says whose the short
// lines are that follow it, and a short line is a ray, its status, and times.
func readTraces(body []byte) ([]Trace, error) {
	all := make([]Trace, 0, bytes.Count(body, []byte{'\n'}))
	var of Invoked
	for line := range bytes.Lines(body) {
		var t Trace
		var err error
		switch line[0] {
		case '{':
			err = json.Unmarshal(line, &t)
		case '=':
			if err = json.Unmarshal(line[1:], &of); err == nil {
				continue
			}
		default:
			t, err = shortTrace(string(line))
			t.Invoked = of
		}
		if err != nil {
			return nil, fmt.Errorf("the line %.200q: %w", line, err)
		}
		all = append(all, t)
	}
	return all, nil
}

func shortTrace(line string) (t Trace, err error) {
	words := strings.Fields(line)
	if len(words) != 5 {
		return t, fmt.Errorf("%d words", len(words))
	}
	t.Ray, t.Outcome, t.Model = words[0], "ok", "stateless"
	if t.Status, err = strconv.Atoi(words[1]); err != nil {
		return t, err
	}
	t.Began = new(float64)
	for i, into := range []*float64{t.Began, &t.Ended, &t.CPU} {
		if *into, err = strconv.ParseFloat(words[2+i], 64); err != nil {
			return t, err
		}
	}
	return t, nil
}
