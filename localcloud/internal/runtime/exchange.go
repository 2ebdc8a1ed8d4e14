package runtime

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

// exchange is a request to a Worker under way, and what its answer turned it into.
type exchange struct {
	generation *generation
	worker     *Worker
	began      time.Time
	ray        string
	dispatched bool // by a Worker: its headers are none of the proxy's business
	// lent says that a program asks a binding: that is no request of its own to an
	// Observer, which knows of the call by its trace, and what fails is refused.
	lent bool
	hop  *hop // of a call by hostname
	// repeatable says that it may be sent again though a Worker may have begun with
	// it: it is a GET or HEAD without a body, and was not sent again before.
	repeatable bool
	resendable bool // can be sent again: its body is kept, or there is none
	cancel     context.CancelFunc

	// Used by the request's own goroutine only.
	upgraded bool
	failed   bool             // the process did not answer
	process  *workerd.Process // that it was sent to
	sent     http.Header      // of the request

	mu        sync.Mutex
	answered  bool   // the answer has begun
	moved     bool   // it is to be sent again
	sentenced bool   // the next two are decided
	repeat    bool   // the same, if it gets no answer
	verdict   string // the outcome, if it gets no answer
}

type (
	exchangeKey  struct{}
	sentAgainKey struct{}
)

// markSent notes on a request that it has been sent once in vain.
func markSent(req *http.Request) {
	*req = *req.WithContext(context.WithValue(req.Context(), sentAgainKey{}, true))
}

func sentAgain(req *http.Request) bool { return req.Context().Value(sentAgainKey{}) != nil }

// errMoved ends a request that is sent to another process.
var errMoved = errors.New("the request is sent to another process")

func exchangeOf(req *http.Request) *exchange {
	x, _ := req.Context().Value(exchangeKey{}).(*exchange)
	return x
}

// move takes an unanswered request away from its process, and has it sent again.
func (x *exchange) move() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.answered && !x.moved {
		x.moved = true
		x.cancel()
	}
}

// sentence says what becomes of an unanswered request when its process is killed.
func (x *exchange) sentence(repeat bool, verdict string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sentenced, x.repeat, x.verdict = true, repeat, verdict
}

// answer notes that the answer begins. It is an error when it comes too late.
func (x *exchange) answer() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.moved {
		return errMoved
	}
	x.answered = true
	if x.hop != nil {
		x.hop.answered()
	}
	return nil
}

// lost decides what happens to a request whose process did not answer: whether it is
// sent again, and if not, with which outcome it ends. One that died can't answer any more;
// else it was the Worker that did not.
func (x *exchange) lost(ctx context.Context) (again bool, outcome string, died bool) {
	died = x.died(ctx, time.Now())
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answered {
		return false, x.verdict, died
	}
	if died && !x.sentenced {
		x.repeat, x.verdict = x.repeatable, causeOfDeath(x.process.Output())
	}
	x.moved = x.moved || x.repeat
	return x.moved, x.verdict, died
}

// died reports whether the process broke the connection, at a time, because it died. Its
// death may be seen later than that, and so may answers that it gave before: what shows
// that it lives is one to what set out later.
func (x *exchange) died(ctx context.Context, broken time.Time) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		lives := x.generation.lived.time().After(broken)
		switch {
		case ended(x.process): // a later process of the generation answers, if one does
			return true
		case lives:
			return false
		}
		select {
		case <-x.process.Done():
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// causeOfDeath is the outcome of the invocations that a process took with it, by the
// last that it said.
func causeOfDeath(output string) string {
	if strings.Contains(output, "out of memory") {
		return exceededMemory
	}
	return ""
}

// cut breaks an answer off that has begun.
func (x *exchange) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.answered {
		x.cancel()
	}
}

// outcome is why the Worker was stopped, if it was; see Exchange.
func (x *exchange) outcome() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.verdict
}

// isMoved reports that the request has to be sent again.
func (x *exchange) isMoved() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.moved
}

// keptBody is how long a body may be so that it is kept, to be sent again.
const keptBody = 64 << 10

// kept is a short body that can be read again from its beginning.
type kept struct {
	rest io.ReadCloser
	mu   sync.Mutex
	read bytes.Buffer
	over bool // there is a reader from the beginning
}

func (k *kept) Read(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := k.rest.Read(b)
	k.read.Write(b[:n])
	return n, err
}

// Close does not close the rest: the server does.
func (k *kept) Close() error { return nil }

// again is the body from its beginning. The reader before gets no more of it.
func (k *kept) again() *kept {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	all := struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(k.read.Bytes()), k.rest), k.rest}
	return &kept{rest: all}
}

// keepBody makes a short body one that can be sent again, and reports whether the
// request can be.
func keepBody(req *http.Request) bool {
	switch body := req.Body.(type) {
	case *kept:
		req.Body = body.again()
		return true
	default:
		if req.ContentLength == 0 {
			return true
		}
		if req.ContentLength < 0 || req.ContentLength > keptBody {
			return false
		}
		req.Body = &kept{rest: body}
		return true
	}
}
