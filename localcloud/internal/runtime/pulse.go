package runtime

import (
	"context"
	"io"
	"net/http"
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
	// busy machine it can be late, too: a process that answers anything meanwhile, or
	// uses no CPU time, is not blocked.
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
	computed, known := p.CPUTime()
	progress := g.answers.Load()
	limit := time.NewTimer(pulseLost)
	defer limit.Stop()
	for {
		select {
		case <-answer:
			return
		case <-p.Done():
			return
		case <-limit.C:
		}
		now, _ := p.CPUTime()
		busy := !known || now-computed > time.Since(sent)/starved
		if busy && g.answers.Load() == progress {
			s := &stall{generation: g, process: p, since: sent, computed: computed}
			s.endure(answer)
			return
		}
		// Late, but alive: the time begins anew.
		computed, progress, sent = now, g.answers.Load(), time.Now()
		limit.Reset(pulseLost)
	}
}
