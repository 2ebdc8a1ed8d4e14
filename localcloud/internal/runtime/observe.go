package runtime

import (
	"net/http"
	"time"
)

// CF is the request.cf of every request on the data port, as JSON.
const CF = cfBlob

// Observer is told what the Workers do. Its methods must not block: requests wait
// for them.
type Observer interface {
	// Began is called before a request on the data port is handed to the version's
	// code, with the ray by which Traced will know it. One that has to be sent to
	// another process later begins only once.
	Began(v Invoked, ray string)
	// Ended is called when the answer of that request has been sent, or never will be.
	Ended(e Exchange)
	// Traced hands over what workerd told about invocations of any kind, in no
	// particular order. An invocation whose process dies is never traced.
	Traced(all []Trace)
}

// Invoked names a version of a Worker.
type Invoked struct {
	Account string `json:"account"`
	Script  string `json:"script"`
	Version string `json:"version"`
}

// Exchange is one request on the data port and its answer, as the proxy saw them.
type Exchange struct {
	Invoked
	Ray      string
	Start    time.Time
	Duration time.Duration // until the last byte of the answer
	Request  *http.Request // without its body; nobody changes it any more
	Sent     http.Header   // of the request, as the Worker got them; nil when it did not
	Status   int           // 0 when there was no answer
	Header   http.Header   // of the answer
	Bytes    int64         // of the answer's body
	Gone     bool          // the client went away before the end
	Failed   bool          // the process of the Worker did not answer
	Assets   bool          // assets stand before the code, and may answer without it
	Codeless bool          // there is nothing but assets
	Outcome  string        // why the Worker was stopped, such as exceededCpu, where that is known
}

// observed is an answer on its way to the client, with what has passed counted.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (o *observed) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController what it needs.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// observe tells the observer that a request begins. The writer it returns is to be
// used instead of w, and end to be called at the end, even after a panic.
func (r *Runtime) observe(w http.ResponseWriter, req *http.Request, worker *Worker, v *Version, x *exchange) (http.ResponseWriter, func()) {
	if r.options.Observer == nil || x.lent {
		return w, func() {}
	}
	e := Exchange{
		Invoked: Invoked{worker.Account, worker.Script, v.ID}, Ray: x.ray, Start: time.Now(), Request: req,
		Assets: v.Assets != nil, Codeless: !v.hasCode(),
	}
	if !sentAgain(req) {
		r.options.Observer.Began(e.Invoked, x.ray)
	}
	seen := &observed{ResponseWriter: w}
	return seen, func() {
		if x.isMoved() {
			return // it goes on elsewhere
		}
		e.Duration = time.Since(e.Start)
		e.Status, e.Bytes, e.Header = seen.status, seen.bytes, seen.Header()
		e.Gone = req.Context().Err() != nil
		e.Failed, e.Outcome, e.Sent = x.failed, x.outcome(), x.sent
		r.options.Observer.Ended(e)
	}
}
