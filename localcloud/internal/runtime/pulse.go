package runtime

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

// A process of workerd runs all its Workers on one thread. A Worker in an endless loop
// stops everybody in it, so each process has a pulse: a socket whose requests pass
// through that thread, and no Worker's code, back to this program.
const (
	pulseService = "pulse"
	// The pause between two pulses is short while requests are under way: those that
	// come between the last pulse that was felt and the next are all suspects.
	pulseIdle = 500 * time.Millisecond
	pulseBusy = 100 * time.Millisecond
	// pulseLost is how long a process may owe one before it counts as blocked. It is
	// counted in ticks, so that a time in which this program did not run itself is none
	// in which the process was silent.
	pulseLost = 1500 * time.Millisecond
	// pulseCost is how much a blocked process has to have computed since it owes one,
	// where this system tells. On a busy machine one that is not blocked is late, too, and
	// a thousand requests that come at once take their time: it is what Cloudflare gives a
	// Worker to start, so that no start is taken for a loop.
	pulseCost = time.Second
)

// pulses adds the socket of the pulse.
func (c *configuration) pulses() {
	c.out.Sockets = append(c.out.Sockets, workerd.Socket{Name: pulseService, Service: workerd.Designator{Service: c.resource(pulseService)}})
}

// feel asks a process for its pulse until it ends, and has something done when
// there is none.
func (g *generation) feel(p *workerd.Process) {
	key := rand.Text()
	g.r.backend.pulses.Store(key, g.answered)
	defer g.r.backend.pulses.Delete(key)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, IdleConnTimeout: 3 * time.Second}}
	defer client.CloseIdleConnections()
	var pause time.Duration
	for {
		select {
		case <-p.Done():
			return
		case <-time.After(pause):
		}
		if pause = pulseIdle; g.busy() {
			pause = pulseBusy
		}
		sent, answer := newMoment(), make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		go func() { // ends with the answer, the process, or cancel
			defer close(answer)
			if beat(ctx, client, "http://"+p.Address(pulseService)+"/"+key, sent) {
				g.lived.at(sent.time())
			}
		}()
		g.await(p, answer, sent)
		cancel()
		<-answer
		if g.doze(p) {
			return
		}
	}
}

// beat is one pulse. It notes when it was sent, and reports whether it was answered.
func beat(ctx context.Context, client *http.Client, url string, sent *moment) bool {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.now() }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false // the process has ended, or was not asked in time
	}
	_, _ = io.Copy(io.Discard, res.Body) // empty
	_ = res.Body.Close()
	return true
}

// await waits for one pulse. A process that owes it for too long is blocked, see stall:
// since the pulse was sent, or it showed the last sign of life after that.
func (g *generation) await(p *workerd.Process, answer <-chan struct{}, sent *moment) {
	alive, owed := sent.time(), time.Duration(0)
	computed, known := p.CPUTime()
	held, _ := p.Memory()
	ticker := time.NewTicker(pulseBusy)
	defer ticker.Stop()
	for {
		select {
		case <-answer:
			return
		case <-p.Done():
			return
		case <-ticker.C:
		}
		used, _ := p.CPUTime()
		for _, sign := range []time.Time{sent.time(), g.answered.time()} {
			if sign.After(alive) {
				alive, computed, owed = sign, used, 0
			}
		}
		if owed += pulseBusy; owed < pulseLost || known && used-computed < pulseCost || isClosed(answer) {
			continue
		}
		s := &stall{generation: g, process: p, since: alive, computed: computed, held: held, incident: newIncident()}
		s.endure(answer)
		return
	}
}

// moment is a time that many goroutines set. It only moves ahead.
type moment struct {
	base  time.Time // the zero moment, with a monotonic clock
	after atomic.Int64
}

// newMoment is now.
func newMoment() *moment { return &moment{base: time.Now()} }

func (m *moment) now() { m.at(time.Now()) }

func (m *moment) at(t time.Time) {
	at := int64(t.Sub(m.base))
	for last := m.after.Load(); last < at && !m.after.CompareAndSwap(last, at); {
		last = m.after.Load()
	}
}

func (m *moment) time() time.Time { return m.base.Add(time.Duration(m.after.Load())) }
