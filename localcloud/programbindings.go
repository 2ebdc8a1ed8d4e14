package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tamylaa/clodo/internal/inprocess"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/runtime"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

// Program is a Worker that runs as a program on this machine.
type Program struct {
	Script   string            // its name
	Bindings []json.RawMessage // as in the metadata of an upload; databases have an id
	// Service is another Worker by its name, for service bindings, or one of its
	// entrypoints, which is "" for the usual one; nil is none.
	Service func(script, entrypoint string) http.Handler
	// Without ends what a binding to durable objects says, whose classes need workerd: what
	// to do about it.
	Without string
}

// Bindings answers the bindings of one Worker that runs as a program. It is a transport
// for requests inside of this process, and a handler for those from others.
type Bindings struct{ http.Handler }

// RoundTrip asks a binding.
func (b *Bindings) RoundTrip(r *http.Request) (*http.Response, error) {
	return inprocess.Transport{Handler: b.Handler}.RoundTrip(r)
}

// Bindings prepares the bindings of a Worker. Databases, buckets and queues that are
// missing are made; an index of Vectorize is not, as nobody says how large its vectors
// are.
func (d *Data) Bindings(ctx context.Context, p Program) (*Bindings, error) {
	answers, err := runtime.NewProgram(runtime.ProgramOptions{
		Account: programAccount, Script: p.Script, Bindings: p.Bindings, Resource: d.resource, Service: p.Service, Started: d.started, Without: p.Without,
	})
	if err != nil {
		return nil, err
	}
	for _, name := range answers.Resources() {
		kind, id, _ := strings.Cut(name, ":")
		if err := d.make(ctx, kind, id); err != nil {
			return nil, fmt.Errorf("making %s for a binding of %s: %w", name, p.Script, err)
		}
	}
	return &Bindings{answers}, nil
}

// make makes what a binding is for, where that has to be made.
func (d *Data) make(ctx context.Context, kind, id string) error {
	switch kind {
	case "d1":
		s, err := storeOf[*d1.Store](d, kind)
		if err != nil {
			return err
		}
		if err := s.Create(id); !errors.Is(err, d1.ErrExists) {
			return err
		}
	case "r2":
		s, err := storeOf[*r2.Store](d, kind)
		if err != nil {
			return err
		}
		return s.CreateBucket(ctx, id)
	case "queue":
		if _, err := d.resource(kind); err != nil {
			return err
		}
		_, name, _ := strings.Cut(id, "/")
		name, _, _ = strings.Cut(name, "/")
		d.addQueue(name)
	}
	return nil
}

// storeOf is an opened store of that kind.
func storeOf[T any](d *Data, kind string) (T, error) {
	var none T
	if _, err := d.resource(kind); err != nil {
		return none, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened[kind].(T), nil
}

// addQueue tells the broker of a queue.
func (d *Data) addQueue(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queues[name] = queue.Queue{ID: name, Account: programAccount, Name: name, CreatedOn: d.started, ModifiedOn: d.started, Settings: queue.DefaultSettings()}
	all := make([]queue.Queue, 0, len(d.queues))
	for _, q := range d.queues {
		all = append(all, q)
	}
	d.broker.Configure(all)
}

// CreateIndex makes an index of Vectorize for vectors of that many dimensions; the metric
// is cosine, euclidean or dot-product. One that exists is an error.
func (d *Data) CreateIndex(ctx context.Context, name string, dimensions int, metric string) error {
	s, err := storeOf[*vectorize.Store](d, "vectorize")
	if err != nil {
		return err
	}
	_, err = s.Create(ctx, vectorize.Index{Account: programAccount, Name: name, Dimensions: dimensions, Metric: metric})
	return err
}
