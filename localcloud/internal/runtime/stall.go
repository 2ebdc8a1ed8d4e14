package runtime

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/internal/workerd"
)

const (
	// patience is how long a blocked process may keep requests of others waiting that
	// cannot be sent to another.
	patience = 3500 * time.Millisecond
	// defaultCPU is how much CPU time Cloudflare gives an invocation that does not
	// name a limit.
	defaultCPU = 30 * time.Second
	// unsure is how long before it is noticed a pulse may already have been in vain:
	// requests that came in this time are not taken for untouched.
	unsure = 100 * time.Millisecond
	// hoard is by how many bytes the process may grow meanwhile. An isolate has 128 MB on
	// Cloudflare; workerd bounds what objects take, and not what buffers do.
	hoard = 512 << 20
	// aftermath is how long a Worker may go on after its last response.
	aftermath = 30 * time.Second
)

// The outcomes of invocations that this program ends, in Cloudflare's words.
const (
	exceededCPU    = "exceededCpu"
	exceededMemory = "exceededMemory"
)

// stall is a process whose thread is blocked by a Worker that computes.
//
// The Workers that had requests under way when it began are suspects. If others share
// the process, the suspects are isolated: everybody gets a new process, the suspects
// one of their own, and what the blocked process cannot have begun with is sent again.
// The blocked process goes on until it has used the CPU time or the memory that its
// suspects may use, or until others have waited too long for it; then it is killed.
type stall struct {
	generation *generation
	process    *workerd.Process
	since      time.Time
	computed   time.Duration // CPU time at the beginning
	held       int64         // bytes of memory at the beginning
	suspects   []*Worker
	incident   *incident
}

// endure waits for the end of the stall, which is an answer or the process's death.
func (s *stall) endure(answer <-chan struct{}) {
	g := s.generation
	s.suspects = g.suspects(s.since.Add(unsure), s.since.Add(-aftermath))
	names := scripts(s.suspects)
	g.r.log.Warn("a process of Workers is blocked by one that computes without a pause", "group", g.name, "suspects", names, "for", time.Since(s.since).Round(time.Millisecond))
	g.r.isolate(g, s.incident, s.suspects, "it blocked the process that it shared with others", s.rescue)
	ticker := time.NewTicker(pulseBusy)
	defer ticker.Stop()
	for {
		select {
		case <-answer:
			g.r.log.Info("the process of Workers goes on", "group", g.name, "suspects", names, "after", time.Since(s.since).Round(time.Millisecond))
			return
		case <-s.process.Done():
			return
		case <-ticker.C:
		}
		switch used := s.used(); {
		case used >= limitOf(s.suspects):
			s.kill(false, exceededCPU, "it used the CPU time that it may use", used)
		case s.grown() >= hoard:
			s.kill(false, exceededMemory, "it used the memory that it may use", used)
		case time.Since(s.since) >= patience && s.othersWait():
			s.kill(true, exceededCPU, "requests to others waited in its process", used)
		case g.abandoned():
			s.kill(false, exceededCPU, "nobody waits for it any more", used)
		default:
			continue
		}
		<-s.process.Done()
		return
	}
}

// used is the CPU time since the beginning, or the time where this system does not
// tell.
func (s *stall) used() time.Duration {
	if now, known := s.process.CPUTime(); known {
		return now - s.computed
	}
	return time.Since(s.since)
}

// grown is by how many bytes the process has grown since the beginning; 0 where this
// system does not tell.
func (s *stall) grown() int64 {
	now, known := s.process.Memory()
	if !known {
		return 0
	}
	return now - s.held
}

func (s *stall) isSuspect(w *Worker) bool {
	return slices.ContainsFunc(s.suspects, func(other *Worker) bool { return other.key() == w.key() })
}

// untouched reports that the process cannot have begun with a request.
func (s *stall) untouched(x *exchange) bool { return x.began.After(s.since.Add(unsure)) }

// rescue sends requests again once there are other processes for them: those that the
// blocked one has not begun with and that do no harm if it does later, and with more
// than one suspect theirs too, as all but one are innocent.
func (s *stall) rescue() {
	for _, x := range s.generation.underway() {
		if x.repeatable && (s.untouched(x) || len(s.suspects) > 1) {
			x.move()
		}
	}
}

// othersWait reports that requests wait that another Worker than the guilty one is
// asked for.
func (s *stall) othersWait() bool {
	waiting := map[string]bool{}
	for _, x := range s.generation.underway() {
		if !s.isSuspect(x.worker) || s.generation.r.acquits(s.incident, x.worker) {
			return true
		}
		waiting[x.worker.key()] = true
	}
	return len(waiting) > 1
}

// kill ends the process. Requests that it has not begun with are sent again, and with
// mercy those that may be sent twice, but for the oldest. All others end without an
// answer, and with the outcome if it is certain that their Worker was it.
func (s *stall) kill(mercy bool, outcome, why string, used time.Duration) {
	all := s.generation.underway()
	slices.SortFunc(all, func(a, b *exchange) int { return a.began.Compare(b.began) })
	for i, x := range all {
		verdict := ""
		if len(s.suspects) == 1 && s.isSuspect(x.worker) {
			verdict = outcome
		}
		innocent := mercy && i > 0 // the oldest is the likeliest to do the same again
		x.sentence(x.resendable && s.untouched(x) || innocent && x.repeatable, verdict)
	}
	s.generation.r.log.Warn("a blocked process of Workers is stopped", "group", s.generation.name, "suspects", scripts(s.suspects), "why", why, "cpu", used.Round(time.Millisecond))
	s.generation.kill(s.process)
}

// limitOf is the CPU time that one of workers may use at most.
func limitOf(workers []*Worker) time.Duration {
	limit := time.Duration(0)
	for _, w := range workers {
		for _, share := range w.Versions {
			limit = max(limit, cmp.Or(share.Version.CPULimit, defaultCPU))
		}
	}
	return cmp.Or(limit, defaultCPU)
}

func scripts(workers []*Worker) string {
	var names []string
	for _, w := range workers {
		names = append(names, w.Script)
	}
	return strings.Join(names, ", ")
}
