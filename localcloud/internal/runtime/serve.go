package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/workerd"
)

// Handler is the data port: it finds the Worker of a request by its host, picks the
// version and hands the request to workerd. Before the first Apply requests wait.
func (r *Runtime) Handler() http.Handler { return http.HandlerFunc(r.serve) }

func (r *Runtime) serve(w http.ResponseWriter, req *http.Request) {
	req = req.WithContext(req.Context()) // the server goes by the body that is in its own
	if req.ContentLength > 0 {
		defer duplex(w, req)() // not where workerd is the client: it takes an early answer for a lost connection
	}
	r.latest(w, req, func(t *table) next { return r.once(w, req, t) })
}

// next is what has to happen to a request.
type next int

const (
	done     next = iota
	repeat        // nothing was answered; at once again
	outdated      // nothing was answered, as the table is out of date
)

// latest answers a request by the table of the moment.
func (r *Runtime) latest(w http.ResponseWriter, req *http.Request, once func(*table) next) {
	if req.ContentLength < 0 {
		defer duplex(w, req)()
	}
	select {
	case <-r.applied:
	case <-req.Context().Done():
		return
	case <-r.closed:
		http.Error(w, "the local cloud is stopping", http.StatusServiceUnavailable)
		return
	}
	for {
		t := r.table.Load()
		switch once(t) {
		case done:
			return
		case repeat:
			continue
		}
		select {
		case <-t.replaced: // with its generations; the next table knows the new ones
		case <-req.Context().Done():
			return
		case <-r.closed:
			http.Error(w, "the local cloud is stopping", http.StatusServiceUnavailable)
			return
		}
	}
}

// once answers a request by one table.
func (r *Runtime) once(w http.ResponseWriter, req *http.Request, t *table) next {
	found, err := r.orPreviewed(req.Context(), t, t.find(req.Host, req.URL), req.Host)
	switch {
	case err != nil:
		r.unreachable(w, found.worker, err)
		return done
	case found.worker == nil:
		t.notFound(w, req, found)
		return done
	}
	return r.send(w, req, t, found)
}

// send answers a request by what was found for it.
func (r *Runtime) send(w http.ResponseWriter, req *http.Request, t *table, found match) next {
	v := found.version
	if v == nil {
		v = choose(found.worker, req.Header)
	}
	var proxy *httputil.ReverseProxy
	g, worker, err := r.runner(t, found)
	if err == nil {
		proxy, err = g.acquire(req.Context(), frontName(worker, v))
	}
	no, none := errors.AsType[*noPreview](err)
	switch {
	case errors.Is(err, errRetired):
		return outdated
	case none:
		no.write(w)
		return done
	case err != nil && req.Context().Err() != nil:
		return done
	case err != nil:
		r.unreachable(w, found.worker, err)
		return done
	}
	return r.forward(w, req, g, proxy, worker, v)
}

// unreachable answers for a Worker whose process does not run.
func (r *Runtime) unreachable(w http.ResponseWriter, worker *Worker, err error) {
	r.log.Error("a Worker cannot be reached", "script", worker.Script, "error", err)
	http.Error(w, "the Worker's process does not run; the log of the local cloud says why", http.StatusServiceUnavailable)
}

// forward is one request from outside through a proxy.
func (r *Runtime) forward(w http.ResponseWriter, req *http.Request, g *generation, proxy *httputil.ReverseProxy, worker *Worker, v *Version) next {
	ray := req.Header.Get("Cf-Ray")
	if !sentAgain(req) {
		ray = newRay(mark(v.ID))
	}
	req.Header.Set("Cf-Ray", ray)
	w.Header().Set("Cf-Ray", ray)
	edgeHeaders(req)
	return r.pass(w, req, proxy, &exchange{generation: g, ray: ray, hop: hopOf(req)}, worker, v)
}

// pass is a request, as it is, through a proxy. It is the one place where a request to
// a Worker ends: answered, broken off, or stopped, for the reason that is its outcome.
func (r *Runtime) pass(w http.ResponseWriter, req *http.Request, proxy *httputil.ReverseProxy, x *exchange, worker *Worker, v *Version) next {
	x.worker, x.began = worker, time.Now()
	if x.hop == nil && !x.dispatched {
		r.outside.Add(1)
		defer r.outside.Add(-1)
	}
	x.resendable = keepBody(req)
	x.repeatable = req.ContentLength == 0 && (req.Method == http.MethodGet || req.Method == http.MethodHead) && !sentAgain(req)
	ctx, cancel := context.WithCancel(context.WithValue(req.Context(), exchangeKey{}, x))
	defer cancel()
	x.cancel = cancel
	x.generation.enter(x)
	defer x.generation.leave(x)
	w.Header()["Content-Type"] = nil // an answer without a type gets none: Cloudflare does not guess
	out, ended := r.observe(w, req, worker, v, x)
	defer ended()
	proxy.ServeHTTP(out, req.WithContext(ctx))
	if !x.isMoved() {
		return done
	}
	markSent(req)
	return repeat
}

// escapeQuery writes three characters of a query as a URL has them. workerd refuses a URL
// with one of them; browsers never send them, curl does.
func escapeQuery(q string) string {
	if !strings.ContainsAny(q, `<>"`) {
		return q
	}
	return strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22").Replace(q)
}

// edgeHeaders are those that Cloudflare gives to every request, whatever the client
// sent under their names.
func edgeHeaders(req *http.Request) {
	ip, _, err := net.SplitHostPort(req.RemoteAddr)
	if err != nil {
		ip = req.RemoteAddr
	}
	scheme := scheme(req.Host)
	if call := hopOf(req); call != nil {
		scheme = call.Scheme
	}
	h := req.Header
	if crumbs := h["Cookie"]; len(crumbs) > 1 {
		h.Set("Cookie", strings.Join(crumbs, "; ")) // workerd would join them as a list (RFC 9113, 8.2.3)
	}
	h.Set("Cf-Connecting-Ip", ip)
	h.Set("Cf-Ipcountry", "XX")
	h.Set("Cf-Visitor", `{"scheme":"`+scheme+`"}`)
	h.Set("X-Real-Ip", ip)
	h.Set("X-Forwarded-Proto", scheme)
	h.Set(protoHeader, scheme)
	h.Set(cfHeader, cfBlob)
}

// scheme is what a Worker sees in its URL. Names that people use on this machine
// are http; all others stand for addresses that Cloudflare serves by https.
func scheme(host string) string {
	name := Hostname(host)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || net.ParseIP(strings.Trim(name, "[]")) != nil {
		return "http"
	}
	return "https"
}

// cfBlob is request.cf. This machine is in no country and no data centre: the
// values are those that Cloudflare uses for unknown ones.
const cfBlob = `{"colo":"LCL","country":"XX","continent":"","city":"","region":"","regionCode":"","postalCode":"","latitude":"0","longitude":"0","timezone":"UTC","asn":0,"asOrganization":"","isEUCountry":"0","httpProtocol":"HTTP/1.1","tlsVersion":"TLSv1.3","tlsCipher":"AEAD-AES128-GCM-SHA256","clientTcpRtt":0,"requestPriority":"","edgeRequestKeepAliveStatus":1}`

// newRay is a ray that begins with a version's mark.
func newRay(mark string) string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	return mark + hex.EncodeToString(b[:]) + "-LCL"
}

// proxies are the ways to the sockets of a process.
func proxies(p *workerd.Process, config workerd.Config) map[string]*httputil.ReverseProxy {
	dial := (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	transport := &direct{dial: dial, idle: map[string][]*line{}, Transport: &http.Transport{
		DialContext:         patiently(dial),
		IdleConnTimeout:     idleTimeout,
		DisableCompression:  true,
		WriteBufferSize:     32 << 10,
		ReadBufferSize:      32 << 10,
		MaxIdleConnsPerHost: 512,
	}}
	quiet := log.New(io.Discard, "", 0) // it only repeats that a client or a Worker broke off
	all := map[string]*httputil.ReverseProxy{}
	for _, s := range config.Sockets {
		target := &url.URL{Scheme: "http", Host: p.Address(s.Name)}
		all[s.Name] = &httputil.ReverseProxy{
			Rewrite: func(pr *httputil.ProxyRequest) {
				pr.Out.URL.Scheme, pr.Out.URL.Host = target.Scheme, target.Host
				pr.Out.URL.RawQuery = escapeQuery(pr.In.URL.RawQuery) // else as it was sent, even where Go would not parse it
				pr.Out.Host = strings.ToLower(pr.In.Host)
				x := exchangeOf(pr.In)
				x.sent, x.process = pr.Out.Header, p
				if x.dispatched {
					for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
						if sent, ok := pr.In.Header[name]; ok {
							pr.Out.Header[name] = sent
						}
					}
					return
				}
				pr.Out.Header.Del("Expect") // this server has said already that it goes on
				pr.Out.Header["X-Forwarded-For"] = pr.In.Header["X-Forwarded-For"]
				pr.SetXForwarded()
				pr.Out.Header.Del("X-Forwarded-Host")
				pr.Out.Header["X-Forwarded-Proto"] = pr.In.Header["X-Forwarded-Proto"]
			},
			Transport: transport,
			// What has no length is passed on at once, whatever this is: Workers stream.
			FlushInterval:  time.Millisecond,
			BufferPool:     buffers{},
			ModifyResponse: modifyResponse,
			ErrorHandler:   proxyError,
			ErrorLog:       quiet,
		}
	}
	return all
}

func modifyResponse(res *http.Response) error {
	x := exchangeOf(res.Request)
	if err := x.answer(); err != nil {
		return err
	}
	x.generation.answered.now()
	x.generation.lived.at(x.began)
	if !x.dispatched && !x.lent {
		res.Header.Del("Cf-Ray") // of an answer that the Worker handed on
		if hasThrown(res) {
			threw.replace(res, x.ray)
		}
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.upgraded = true
		x.generation.upgrade()
		return nil
	}
	early(res.Request)
	return nil
}

// proxyError answers for a process that did not.
func proxyError(w http.ResponseWriter, req *http.Request, err error) {
	x := exchangeOf(req)
	if x.isMoved() || req.Context().Err() != nil {
		return // it is sent again, or the client went away
	}
	if body, ok := req.Context().Value(streamedKey{}).(*streamed); ok && body.broken.Load() {
		http.Error(w, "the body of the request is not readable: "+err.Error(), http.StatusBadRequest)
		return
	}
	again, outcome, died := x.lost(req.Context())
	if again || req.Context().Err() != nil {
		return
	}
	brokeOff := !died && outcome == "" && isBrokenOff(err)
	x.failed = !brokeOff
	early(req)
	switch {
	case x.lent:
		host.Refuse(w, errUnanswered)
		return
	case outcome != "":
		exceeded(outcome).write(w, req)
		return
	case brokeOff: // as workerd does when a connection of the Worker's own was lost, and it let that be thrown
		threw.write(w, req)
		return
	}
	http.Error(w, "the Worker's process ended, or did not answer: "+err.Error(), http.StatusBadGateway)
}

// What Windows says of a connection that the other end has reset, and of one that it has given
// up because of that. It has ECONNRESET as a name only, and no other system has these numbers.
const (
	wsaConnReset   = syscall.Errno(10054)
	wsaConnAborted = syscall.Errno(10053)
)

// isBrokenOff reports whether a connection was closed before there was an answer on it. One that
// http.Transport still sends a body on is net.ErrClosed then: its reader, who saw the end, has closed it.
func isBrokenOff(err error) bool {
	ends := []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, wsaConnReset, wsaConnAborted}
	return slices.ContainsFunc(ends, func(end error) bool { return errors.Is(err, end) })
}

// buffers lends the proxies their copying buffers.
type buffers struct{}

// bufferSize is such that large answers cost few system calls; small ones touch no more of it
// than they need.
const bufferSize = 128 << 10

var bufferPool = sync.Pool{New: func() any { b := make([]byte, bufferSize); return &b }}

func (buffers) Get() []byte { return *bufferPool.Get().(*[]byte) }

func (buffers) Put(b []byte) { bufferPool.Put(&b) }
