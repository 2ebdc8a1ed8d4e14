package runtime

import (
	"context"
	"io"
	"net/http"
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
	// pulseLost is how long a process may owe one before it counts as blocked. On a
	// busy machine it can be late, too: a process that uses no CPU time is not blocked,
	// and one that answers a request shows that it was not until then.
	pulseLost = 1500 * time.Millisecond
	// starved is how much of the time a blocked process has to have computed, where
	// this system tells.
	starved = 10 // 1/starved
)

// pulses adds the socket of the pulse.
func (c *configuration) pulses() {
	c.out.Sockets = append(c.out.Sockets, workerd.Socket{Name: pulseService, Service: workerd.Designator{Service: c.resource(pulseService)}})
}

// feel asks a process for its pulse until it ends, and has something done when
// there is none.
func (g *generation) feel(p *workerd.Process) {
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
		sent := time.Now()
		answer := make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		go func() { // ends with the answer, the process, or cancel
			defer close(answer)
			beat(ctx, client, p)
		}()
		g.await(p, answer, sent)
		cancel()
		<-answer
		if g.doze(p) {
			return
		}
	}
}

// beat is one pulse.
func beat(ctx context.Context, client *http.Client, p *workerd.Process) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address(pulseService)+"/", nil)
	if err != nil {
		return
	}
	res, err := client.Do(req)
	if err != nil {
		return // the process has ended, or was not asked in time
	}
	_, _ = io.Copy(io.Discard, res.Body) // empty
	_ = res.Body.Close()
}

// await waits for one pulse. A process that owes it for too long is blocked, see stall.
func (g *generation) await(p *workerd.Process, answer <-chan struct{}, sent time.Time) {
	alive := sent // when it was not blocked yet
	computed, known := p.CPUTime()
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
		last := g.answered.time()
		switch silent := time.Since(alive); {
		case last.After(alive):
			alive, computed = last, used
		case silent < pulseLost:
		case known && used-computed <= silent/starved:
			alive, computed = time.Now(), used
		default:
			s := &stall{generation: g, process: p, since: alive, computed: computed, incident: newIncident()}
			s.endure(answer)
			return
		}
	}
}

// moment is a time that many goroutines set.
type moment struct {
	base  time.Time // the zero moment, with a monotonic clock
	after atomic.Int64
}

func (m *moment) now() { m.after.Store(int64(time.Since(m.base))) }

func (m *moment) time() time.Time { return m.base.Add(time.Duration(m.after.Load())) }
