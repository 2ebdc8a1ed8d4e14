package feature

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say which flags a service has and how it learns of changes. The zero value is
// what deploy gave the service.
type Options struct {
	// Document is the JSON of a [Document]. Default: the variable CLODO_FEATURES with
	// those that continue it, and without it no flags.
	Document string
	// Use are the flags that the program reads. Open fails when one of them is not
	// declared, or as another type.
	Use []Flag

	// Source is where changes are read from. Default: the KV namespace bound as
	// CLODO_FLAGS, when a flag is declared with `runtime: true`.
	Source Source
	// MaxAge is how old what was read may be before it is read again: one read in this
	// time, in an isolate of Workers or natively in a process. Default: 30 s, which is
	// also the least that KV itself caches a value for.
	MaxAge time.Duration
	// MaxStale is how long what was read holds while reading fails; after that the
	// flags are as they were deployed. Default: an hour.
	MaxStale time.Duration
	// Timeout bounds how long a request waits for a read. Default: 500 ms.
	Timeout time.Duration

	// Subject and Attributes say who a request is for, in Middleware. Default: nobody.
	Subject    func(*http.Request) string
	Attributes func(*http.Request) map[string]string
}

// Source reads the changes that were made at run time.
type Source interface {
	// Read is the JSON of a [Changes], empty when nothing was ever changed, and how
	// long ago it was read, for a source that remembers. It ends when ctx does.
	Read(ctx context.Context, maxAge time.Duration) (text []byte, age time.Duration, err error)
}

// Flags are the flags of a service. They are safe for concurrent use.
type Flags struct {
	o    Options
	defs *definitions

	mu      sync.Mutex
	current *snapshot
	due     time.Time     // when to read again
	reading chan struct{} // closed when the read under way is done; nil: none is
	failing bool          // the last read failed
}

// snapshot is what was read once, with the sets that were made of it.
type snapshot struct {
	defs    *definitions
	changes changes
	read    time.Time // zero: nothing was read
	known   map[string]bool

	mu   sync.Mutex
	sets map[key]*set
}

type key struct{ domain, customer string }

// Open reads the flags of the service. It fails when they cannot be read, and when the
// program uses one that clodo.yaml does not declare; all that is wrong is in the error.
func Open(o Options) (*Flags, error) {
	text := cmp.Or(o.Document, deployed())
	d := Document{Version: version}
	if text != "" {
		var err error
		if d, err = ParseDocument(text); err != nil {
			return nil, err
		}
	}
	defs, err := define(d)
	if err != nil {
		return nil, err
	}
	var wrong problems
	for _, f := range o.Use {
		declared, ok := d.Flags[f.Name()]
		switch {
		case !ok && text == "":
			wrong.addf("flag %q is not there: %s is not set, which clodo deploy and clodo dev do for a service of clodo.yaml", f.Name(), Variable)
		case !ok:
			wrong.addf("flag %q is not declared in clodo.yaml; these are: %s", f.Name(), cmp.Or(strings.Join(defs.names, ", "), "none"))
		default:
			if err := f.fits(declared); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return newFlags(defs, o), nil
}

// deployed is the document that deploy gave the service. Cloudflare takes 5 KB in a
// variable, so that a longer one goes on in CLODO_FEATURES_2 and those that follow.
func deployed() string {
	text := os.Getenv(Variable)
	for i := 2; text != ""; i++ {
		more := os.Getenv(Variable + "_" + strconv.Itoa(i))
		if more == "" {
			break
		}
		text += more
	}
	return text
}

func newFlags(defs *definitions, o Options) *Flags {
	runtime := false
	for i := range defs.flags {
		runtime = runtime || defs.flags[i].Runtime
	}
	switch {
	case !runtime:
		o.Source = nil
	case o.Source == nil:
		o.Source = namespace{}
	}
	o.MaxAge, o.MaxStale, o.Timeout = cmp.Or(o.MaxAge, 30*time.Second), cmp.Or(o.MaxStale, time.Hour), cmp.Or(o.Timeout, 500*time.Millisecond)
	return &Flags{o: o, defs: defs, current: newSnapshot(defs, Changes{}, time.Time{})}
}

// newSnapshot knows which hostnames mean something: others share one set, so that a
// client cannot fill the memory with names that it makes up.
func newSnapshot(defs *definitions, c Changes, read time.Time) *snapshot {
	s := &snapshot{defs: defs, changes: defs.changes(c), read: read, known: map[string]bool{}, sets: map[key]*set{}}
	note := func(l levels) {
		for domain := range l.domains {
			s.known[domain] = true
		}
	}
	for host := range defs.Hosts {
		s.known[host] = true
	}
	for i := range defs.flags {
		f := &defs.flags[i]
		note(f.levels)
		for _, r := range f.rules {
			for _, c := range r.when {
				if c.at == ofDomain {
					s.known = nil // any hostname may mean something
					return s
				}
			}
		}
	}
	for _, l := range s.changes {
		note(l)
	}
	return s
}

// mostSets bounds what is remembered when hostnames or customers are not known before.
const mostSets = 1000

// set is what the flags are for a domain and customer.
func (s *snapshot) set(c Context) *set {
	k := key{c.Domain, s.defs.customerOf(c)}
	if s.known != nil && !s.known[c.Domain] {
		k.domain = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sets[k]
	if !ok {
		found = s.defs.resolve(k.domain, k.customer, s.changes, nil)
		if len(s.sets) >= mostSets {
			clear(s.sets)
		}
		s.sets[k] = found
	}
	return found
}

// Evaluate is the flags in a context, after what was changed until now. It reads
// changes when those that it has are older than MaxAge, and waits for that no longer
// than Timeout.
func (f *Flags) Evaluate(ctx context.Context, in Context) *Evaluation {
	s := f.fresh(ctx).set(in)
	if values := overridesOf(ctx); values != nil {
		s = s.override(values)
	}
	return s.evaluation(in.Subject, in.Attributes)
}

// Middleware gives every request its flags: [From] and the handles find them in its
// context. What they are does not change while the request is answered.
func (f *Flags) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := Context{Domain: hostname(r.Host)}
		if f.o.Subject != nil {
			c.Subject = f.o.Subject(r)
		}
		if f.o.Attributes != nil {
			c.Attributes = f.o.Attributes(r)
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), f.Evaluate(r.Context(), c))))
	})
}

// hostname is a Host header without its port, in lower case.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// fresh is what was read last, after reading again when that is due. One caller reads;
// others take what there is, unless it is more than one MaxAge overdue.
func (f *Flags) fresh(ctx context.Context) *snapshot {
	if f.o.Source == nil {
		return f.current
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	switch {
	case now.Before(f.due):
	case f.reading == nil:
		f.reading = make(chan struct{})
		f.mu.Unlock()
		text, age, err := f.read(ctx)
		f.mu.Lock()
		f.take(text, age, err)
		close(f.reading)
		f.reading = nil
	case f.current.read.IsZero() || now.Sub(f.current.read) > 2*f.o.MaxAge:
		reading := f.reading
		f.mu.Unlock()
		patience := time.NewTimer(f.o.Timeout)
		select {
		case <-reading:
		case <-patience.C:
		case <-ctx.Done():
		}
		patience.Stop()
		f.mu.Lock()
	}
	return f.current
}

// read asks the source, for all requests: that the one which came first goes away must
// not fail the others.
func (f *Flags) read(ctx context.Context) (text []byte, age time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.o.Timeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the source panicked: %v", r)
		}
	}()
	return f.o.Source.Read(ctx, f.o.MaxAge)
}

// take makes what was read the current values, or decides what holds without it.
func (f *Flags) take(text []byte, age time.Duration, err error) {
	now := time.Now()
	var c Changes
	if err == nil {
		c, err = ParseChanges(text)
	}
	if err == nil {
		f.current = newSnapshot(f.defs, c, now.Add(-age))
		f.due = now.Add(max(f.o.MaxAge-age, f.o.MaxAge/10))
		f.failing = false
		return
	}
	f.due = now.Add(f.o.MaxAge / 10)
	stale := now.Sub(f.current.read) > f.o.MaxStale
	if !f.failing {
		slog.Error("changes of feature flags cannot be read", "error", err, "last_read", f.current.read)
	}
	f.failing = true
	if stale && !f.current.read.IsZero() {
		f.current = newSnapshot(f.defs, Changes{}, time.Time{})
		slog.Error("feature flags are as they were deployed: their changes could not be read for too long", "max_stale", f.o.MaxStale)
	}
}

type contextKey struct{}

// NewContext gives ctx the flags e.
func NewContext(ctx context.Context, e *Evaluation) context.Context {
	return context.WithValue(ctx, contextKey{}, e)
}

// From is the flags of ctx: those that Middleware or NewContext gave it. Elsewhere, as
// in a cron job or a queue's consumer, they are those that deploy gave the service, for
// no domain and nobody in particular, with what was changed meanwhile.
func From(ctx context.Context) *Evaluation {
	if e, ok := ctx.Value(contextKey{}).(*Evaluation); ok {
		return e
	}
	return fromEnvironment().Evaluate(ctx, Context{})
}

// With tells the flags of ctx who the request is for, once that is known.
func With(ctx context.Context, subject string, attributes map[string]string) context.Context {
	return NewContext(ctx, From(ctx).With(subject, attributes))
}

// fromEnvironment is the flags of this process. A document that cannot be read is told
// once, and there are no flags then: [Open] is how a program fails on it.
var fromEnvironment = sync.OnceValue(func() *Flags {
	f, err := Open(Options{})
	if err != nil {
		slog.Error("there are no feature flags", "error", err)
		defs, _ := define(Document{Version: version}) // nothing is wrong with nothing
		return newFlags(defs, Options{})
	}
	return f
})

// warnUnknown says once for a handle that its flag is not what the program takes it for.
func warnUnknown(h *handle, defs *definitions) {
	d, ok := defs.Flags[h.name]
	problem := "it is not declared in clodo.yaml"
	if ok {
		problem = h.fits(d).Error()
	}
	slog.Error("a feature flag counts as off", "flag", h.name, "problem", problem)
}
