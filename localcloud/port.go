package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
