package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// Header names the rules that struck in the answers they leave, so that nobody takes
// a fault that was asked for for one of the cloud's own.
const Header = "Clodo-Local-Fault"

// doing bounds how long a request whose answer nobody gets may take.
const doing = 5 * time.Minute

// API strikes requests of the REST API.
func (f *Faults) API(next http.Handler) http.Handler { return f.handler(false, next) }

// Data strikes requests to Workers.
func (f *Faults) Data(next http.Handler) http.Handler { return f.handler(true, next) }

func (f *Faults) handler(data bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !f.armed.Load() {
			next.ServeHTTP(w, r)
			return
		}
		b := f.decide(data, r)
		if len(b.ids) > 0 {
			f.log.Info("a fault strikes", "rules", b.ids, "kind", b.rule.Kind, "method", r.Method, "host", r.Host, "path", r.URL.Path)
			w.Header().Set(Header, list(b.ids))
		}
		if b.rule.Kind == Status || b.rule.Kind == Reset {
			b.wait, b.after = b.wait+b.after, 0
		}
		if b.wait > 0 && f.clock.Sleep(r.Context(), b.wait) != nil {
			return // the client did not wait
		}
		switch b.rule.Kind {
		case Status:
			f.refuse(w, data, b.rule)
		case Reset:
			hangUp(w)
		case Lost:
			f.unheard(discard{http.Header{}}, r, next, b.after)
			hangUp(w)
		case Partial:
			half := &half{w: w}
			defer half.end() // also when the handler panics over the connection it has not
			f.unheard(half, r, next, b.after)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func list(ids []int) string {
	text := strconv.Itoa(ids[0])
	for _, id := range ids[1:] {
		text += "," + strconv.Itoa(id)
	}
	return text
}

// unheard lets a request be done although its client will be gone, and waits as the
// rule says while the client does.
func (f *Faults) unheard(w http.ResponseWriter, r *http.Request, next http.Handler, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), doing)
	defer cancel()
	next.ServeHTTP(w, r.WithContext(ctx))
	_ = f.clock.Sleep(r.Context(), wait) // it breaks off in any case
}

// refuse answers with a rule's status. The API speaks its own envelope, except where
// what stands before it would answer: 502, 504 and the codes above 519.
func (f *Faults) refuse(w http.ResponseWriter, data bool, r Rule) {
	after := r.RetryAfter
	if after == 0 && r.Status == http.StatusTooManyRequests {
		after = time.Second
	}
	if after > 0 { // in seconds of the client, which waits for them
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()/f.clock.Scale()))))
	}
	w.Header().Set(api.Header, "1")
	if edge := r.Status == 502 || r.Status == 504 || r.Status >= 520; data || edge {
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(r.Status)
		fmt.Fprintf(w, "error code: %d", r.Status)
		return
	}
	code, message := 10013, "An unknown error has occurred"
	switch r.Status {
	case http.StatusTooManyRequests:
		code, message = 971, "Please wait and consider throttling your request speed"
	case http.StatusUnauthorized, http.StatusForbidden:
		code, message = 10000, "Authentication error"
	case http.StatusConflict:
		code, message = 10035, "The resource is being modified by another request"
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(r.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"success": false, "errors": []any{map[string]any{"code": code, "message": message}}, "messages": []any{}, "result": nil,
	})
}

// hangUp breaks the connection with a reset.
func hangUp(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server closes it
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// discard is an answer that nobody gets.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// half is an answer of which only the beginning arrives: its head as it is, with the
// full length, and half of its body, or of the body's first piece where the length is
// not known.
type half struct {
	w     http.ResponseWriter
	began bool
	left  int  // bytes that may still be sent; -1: not known before the first
	open  bool // the length is not known: it may go on for ever
}

// errBroken ends an answer that may go on for ever.
var errBroken = errors.New("a fault broke the connection")

func (h *half) Header() http.Header { return h.w.Header() }

func (h *half) WriteHeader(status int) {
	if h.began {
		return
	}
	if status >= 200 {
		h.began = true
		n, err := strconv.Atoi(h.w.Header().Get("Content-Length"))
		if h.left = n / 2; err != nil {
			h.left, h.open = -1, true
		}
	}
	h.w.WriteHeader(status)
}

func (h *half) Write(b []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	if h.left < 0 {
		h.left = len(b) / 2
	}
	part := b[:min(len(b), h.left)]
	h.left -= len(part)
	if _, err := h.w.Write(part); err != nil {
		return 0, err
	}
	if h.open && h.left == 0 {
		return len(part), errBroken
	}
	return len(b), nil
}

// end sends what there is and breaks off.
func (h *half) end() {
	_ = http.NewResponseController(h.w).Flush() // the client may be gone
	hangUp(h.w)
}
