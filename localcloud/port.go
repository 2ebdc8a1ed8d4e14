package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
)

// server is a listener and, once it serves, its HTTP server.
type server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// listen opens a port. A taken one is ErrPortInUse.
func listen(addr string) (*server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, portError(addr, err)
	}
	return &server{listener: l}, nil
}

func (s *server) addr() string { return s.listener.Addr().String() }

func (s *server) serve(h http.Handler) {
	s.http = &http.Server{Handler: h, ReadHeaderTimeout: 30 * time.Second, MaxHeaderBytes: 256 << 10}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_ = s.http.Serve(s.listener) // always ErrServerClosed: the listener is ours
	}()
}

// shutdown ends the server; nil and one that never served are fine.
func (s *server) shutdown(ctx context.Context) error {
	if s == nil {
		return nil
	}
	if s.http == nil {
		return s.listener.Close()
	}
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		err = s.http.Close() // whoever still talks has had his time
	}
	<-s.done
	return err
}

// checkAddresses keeps the cloud on this machine unless it is told otherwise.
func checkAddresses(o Options) error {
	for _, addr := range []string{o.APIAddr, o.DataAddr} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			return fmt.Errorf("address %q: %w", addr, err)
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) && !o.AllowRemote {
			return remoteError(addr)
		}
	}
	return nil
}

const (
	readAway    = 256 << 10 // bytes of a request that net/http itself reads to its end
	maxHeardOut = 1 << 30
	hearingOut  = 10 * time.Second
)

// hearOut lets clients finish a large request that was answered before its end, as a
// refusal is: many look for an answer only when they have sent everything, and a
// connection that was closed before is all that they would see.
func hearOut(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		next.ServeHTTP(w, r)
		if r.ContentLength >= 0 && r.ContentLength <= readAway || r.Header.Get("Expect") != "" {
			return
		}
		control := http.NewResponseController(w)
		if control.SetReadDeadline(time.Now().Add(hearingOut)) != nil || control.Flush() != nil {
			return // the connection was taken over, or is broken
		}
		_, _ = io.CopyN(io.Discard, body, maxHeardOut) // until its end, or for long enough
	})
}

// guard lets only requests through that name this machine: a web page whose name
// was made to point here (DNS rebinding) names itself.
func (c *Cloud) guard(next http.Handler) http.Handler {
	_, port, err := net.SplitHostPort(c.apiServer.addr())
	if err != nil || c.options.AllowRemote {
		return next
	}
	allowed := []string{"127.0.0.1:" + port, "localhost:" + port, "[::1]:" + port}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains(allowed, strings.ToLower(r.Host)) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set(api.Header, "1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMisdirectedRequest)
		body, err := json.Marshal(map[string]any{
			"success": false, "messages": []any{}, "result": nil,
			"errors": []any{map[string]any{"code": 7003, "message": fmt.Sprintf("The local cloud's API answers to %s, not to %q.", strings.Join(allowed, ", "), r.Host)}},
		})
		if err == nil {
			_, _ = w.Write(body) // the client may be gone
		}
	})
}
