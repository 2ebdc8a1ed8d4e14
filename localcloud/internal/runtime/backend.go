package runtime

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

// The headers by which workerd says which resource a binding means. It puts them
// into every request and removes what a Worker sent under their names; the key
// keeps other programs on this machine out.
const (
	resourceHeader = "X-Clodo-Resource"
	keyHeader      = "X-Clodo-Key"
)

// Resource answers the calls of the bindings to one thing, such as a database; id is
// what its bindings name it by. What it is asked and answers is workerd's protocol of
// that kind of binding, or that of the module below js/bindings.
type Resource func(w http.ResponseWriter, r *http.Request, id string)

// backend is the server that workerd's bindings talk to.
type backend struct {
	address   string
	key       string
	server    *http.Server
	resources map[string]Resource // by kind
	pulses    sync.Map            // *moment of the last pulse that came, by its path
}

func newBackend(resources map[string]Resource, log *slog.Logger) (*backend, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening for the Workers' bindings: %w", err)
	}
	b := &backend{address: listener.Addr().String(), key: rand.Text(), resources: resources}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() {
		if err := b.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the server of the Workers' bindings stopped", "error", err)
		}
	}()
	return b, nil
}

// service is how workerd reaches a resource, such as "d1:ID".
func (b *backend) service(resource string) workerd.Service {
	return workerd.Service{Name: resource, External: &workerd.External{
		Address:       b.address,
		InjectHeaders: [][2]string{{resourceHeader, resource}, {keyHeader, b.key}},
	}}
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.Header.Get(keyHeader)), []byte(b.key)) != 1 {
		http.Error(w, "this address is for the local cloud's own Workers", http.StatusForbidden)
		return
	}
	r = r.WithContext(r.Context()) // the server goes by the body that is in its own
	kind, id, _ := strings.Cut(r.Header.Get(resourceHeader), ":")
	switch kind {
	case pulseService:
		w.WriteHeader(http.StatusNoContent)
		_ = http.NewResponseController(w).Flush() // the process has the answer from here on
		if felt, ok := b.pulses.Load(strings.TrimPrefix(r.URL.Path, "/")); ok {
			felt.(*moment).now()
		}
		return
	}
	answer := b.resources[kind]
	if answer == nil {
		http.Error(w, "no such resource", http.StatusNotFound)
		return
	}
	answer(w, r, id)
}
