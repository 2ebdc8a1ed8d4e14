package runtime

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

// How long the parts of a change may take.
const (
	startTimeout = 30 * time.Second
	// drainPlain is how long the requests of a replaced process may go on; new ones
	// do not wait for them.
	drainPlain = 5 * time.Minute
	// drainObjects is how long they may when a new process has to wait for the old
	// one to let go of the objects' files. WebSockets are cut at once, as Cloudflare
	// does when it replaces the code of an object.
	drainObjects = 10 * time.Second
	stopTimeout  = 3 * time.Second
	// stopStreams is the same for a process of objects that had WebSockets: an object
	// that does not close its end of one whose client is gone keeps workerd waiting.
	stopStreams = 300 * time.Millisecond
	// A process that died is started again after a pause that doubles from death to
	// death; one that cannot start is tried again after retryAfter.
	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
	retryAfter    = 2 * time.Second
	// A process of plain Workers that had no request for dozeAfter ends; so do those
	// that had none for aftermath, as long as there are more than wakeful processes.
	dozeAfter = 5 * time.Minute
	wakeful   = 4
	// lingering is for what a Worker still does after its last response.
	lingering = 2 * time.Second
)

// errRetired is a generation that takes no more requests: there is a newer one.
var errRetired = errors.New("this generation of Workers is replaced")

// group is which Workers share a process.
type group struct {
	name    string
	workers []*Worker
	objects bool // has durable objects: only one process at a time may have their files
	config  workerd.Config
	digest  [sha256.Size]byte
}

// tolerance is what a Worker that does not start means for those it shares a process
// with.
type tolerance int

const (
	strict   tolerance = iota // nobody starts: it is being deployed
	tolerant                  // they start without it: it had started when it was deployed
)

// generation is a group's process with one configuration. It takes requests from
// its making until retire; those that come before the process serves wait.
//
// It is held at first: nothing starts before start, or sleep, is called. One that
// sleeps has no process until a request comes.
type generation struct {
	*group
	r        *Runtime
	answered *moment // when the process last showed that it was not blocked
	lived    *moment // when the last request, or pulse, set out that was answered

	mu       sync.Mutex
	ready    chan struct{} // closed when the process serves, or cannot; nil while it sleeps
	err      error         // why it cannot
	retry    time.Time     // when the next start may be tried
	pause    time.Duration // between the last death and the next start
	process  *workerd.Process
	proxies  map[string]*httputil.ReverseProxy // by socket
	retired  bool
	active   int           // requests, without WebSockets
	streams  int           // WebSockets
	streamed bool          // there was one
	idle     chan struct{} // closed when retired and the last request, or WebSocket, has ended
	calm     chan struct{} // the same without WebSockets

	started   time.Time        // the process
	used      time.Time        // when a request last ended, or the process started
	killed    *workerd.Process // by this program
	exchanges map[*exchange]struct{}
	left      map[string]departure // by key of the Worker

	preparing  <-chan error    // gives how the start ended that a preparation began; nil without one
	living     context.Context // ends with retire
	die        context.CancelFunc
	background sync.WaitGroup
}

func (r *Runtime) newGeneration(g *group) *generation {
	out := &generation{
		group: g, r: r, ready: make(chan struct{}), idle: make(chan struct{}), calm: make(chan struct{}),
		exchanges: map[*exchange]struct{}{}, left: map[string]departure{}, answered: newMoment(), lived: newMoment(),
	}
	out.living, out.die = context.WithCancel(context.Background())
	return out
}

// start starts the process, unless that was prepared, and lets the waiting requests in.
// When it fails they go on waiting, for retire.
func (g *generation) start(ctx context.Context, t tolerance) error {
	if g.preparing != nil {
		err := <-g.preparing
		if g.preparing = nil; err == nil {
			return nil
		}
	}
	return g.launch(ctx, t)
}

func (g *generation) launch(ctx context.Context, t tolerance) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	p, started, err := g.r.launchGroup(ctx, g.group, t)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retired {
		p.Kill()
		return errRetired
	}
	g.config, g.digest = started.config, started.digest
	g.process, g.proxies = p, proxies(p, g.config)
	g.started = time.Now()
	g.used = g.started
	close(g.ready)
	g.r.awake.Add(1)
	g.background.Go(func() { g.watch(p) })
	g.background.Go(func() { g.feel(p) })
	return nil
}

// sleep lets go of a generation that is held: the first request starts its process.
func (g *generation) sleep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ready = nil
}

// warm starts the process of one that sleeps before it is asked for.
func (g *generation) warm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ready == nil {
		g.wake()
	}
}

// wake starts the process in the background; g.mu is held. A failure is what
// requests are told for a moment; then the next one tries again.
func (g *generation) wake() {
	if g.retired {
		return
	}
	g.ready, g.err = make(chan struct{}), nil
	g.background.Go(func() {
		select {
		case <-time.After(time.Until(g.retry)):
		case <-g.living.Done():
			return
		}
		err := g.start(g.living, tolerant)
		if err == nil || g.living.Err() != nil {
			return
		}
		g.r.log.Error("the process of a group of Workers does not start", "group", g.name, "error", err)
		g.mu.Lock()
		defer g.mu.Unlock()
		g.err, g.retry = err, time.Now().Add(retryAfter)
		close(g.ready)
	})
}

// awake reports that there is a process, or soon will be.
func (g *generation) awake() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ready != nil && g.err == nil
}

// usable reports that the generation serves what the digest stands for.
func (g *generation) usable(digest [sha256.Size]byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.retired && g.err == nil && g.digest == digest
}

// watch sees to it that the process comes back when it dies, with growing pauses. What
// was in memory and the requests under way are lost. Objects may have alarms, so their
// process starts at once; another waits for a request.
func (g *generation) watch(p *workerd.Process) {
	<-p.Done()
	g.r.awake.Add(-1)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.bury(p)
}

// bury takes a process that has died out of use; g.mu is held.
func (g *generation) bury(p *workerd.Process) {
	if g.retired || g.process != p {
		return
	}
	g.process, g.proxies, g.ready = nil, nil, nil
	if g.killed != p {
		g.r.log.Warn("workerd died and is started again", "group", g.name, "output", p.Output())
		if g.pause = min(2*g.pause, longestPause); time.Since(g.started) > longestPause || g.pause == 0 {
			g.pause = shortestPause
		}
		g.retry = time.Now().Add(g.pause)
		g.blame()
	}
	if g.objects {
		g.wake()
	}
}

func ended(p *workerd.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// kill ends a process at once; who needs it gets another.
func (g *generation) kill(p *workerd.Process) {
	g.mu.Lock()
	g.killed = p
	g.mu.Unlock()
	p.Kill()
}

// doze ends the process of plain Workers that have nothing to do for long, or for a
// while when there are many such processes. It reports whether it did; the next request
// starts another.
func (g *generation) doze(p *workerd.Process) bool {
	g.mu.Lock()
	unused := time.Since(g.used)
	if g.objects || g.retired || g.process != p || g.active > 0 || g.streams > 0 ||
		unused < dozeAfter && (unused < aftermath || g.r.awake.Load() <= wakeful) {
		g.mu.Unlock()
		return false
	}
	g.ready, g.process, g.proxies = nil, nil, nil
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	p.Stop(ctx)
	return true
}

// retire takes no more requests.
func (g *generation) retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retired = true
	g.die() // who waits looks for another generation
	g.signal()
}

// stop ends the process of a retired generation when done is closed or after wait.
// WebSockets are cut, which their clients see as code 1006, as on Cloudflare.
func (g *generation) stop(done <-chan struct{}, wait time.Duration) {
	select {
	case <-done:
	case <-time.After(wait):
	}
	for _, x := range g.underway() {
		x.cut()
	}
	limit := stopTimeout
	if g.hadStreams() {
		limit = stopStreams
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	g.end(ctx)
}

// hadStreams reports that a request became a WebSocket.
func (g *generation) hadStreams() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.streamed
}

// drain is stop for a generation that nobody waits for. It ends at once when the
// runtime is closed.
func (g *generation) drain(closed <-chan struct{}) {
	select {
	case <-closed:
	case <-time.After(drainPlain):
	case <-g.idle:
		select {
		case <-closed:
		case <-time.After(lingering):
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	g.end(ctx)
}

// end asks the process to end, and kills it when ctx ends first.
func (g *generation) end(ctx context.Context) {
	defer g.background.Wait()
	g.mu.Lock()
	p := g.process
	for _, proxy := range g.proxies {
		proxy.Transport.(*direct).CloseIdleConnections()
	}
	g.mu.Unlock()
	if p != nil {
		p.Stop(ctx)
	}
}

// discard ends the process of a generation that was never used.
func (g *generation) discard() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	g.end(ctx)
}

// address is the host:port of a socket, or "" when the process has ended.
func (g *generation) address(socket string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.process == nil {
		return ""
	}
	return g.process.Address(socket)
}
