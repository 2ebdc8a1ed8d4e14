package traffic

import "sync"

// hub hands records to those who watch.
type hub struct {
	mu   sync.Mutex
	subs map[*Subscription]bool
}

// Subscription is a live view of the records. Records is closed by Close.
type Subscription struct {
	Records <-chan Record
	want    func(Record) bool
	records chan Record
	hub     *hub
	missed  int // guarded by hub.mu
}

// behind is how many records a slow reader may be behind.
const behind = 512

// Subscribe gives every record for which want says yes from now on; nil wants all.
// want is called while the traffic waits, so it has to be quick. A reader that is
// too slow misses records and is told how many by Missed. Close has to be called.
func (s *Store) Subscribe(want func(Record) bool) *Subscription {
	records := make(chan Record, behind)
	sub := &Subscription{Records: records, records: records, want: want, hub: &s.hub}
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if s.hub.subs == nil {
		s.hub.subs = map[*Subscription]bool{}
	}
	s.hub.subs[sub] = true
	return sub
}

// Close ends the subscription. It may be called twice.
func (sub *Subscription) Close() {
	sub.hub.mu.Lock()
	defer sub.hub.mu.Unlock()
	if sub.hub.subs[sub] {
		delete(sub.hub.subs, sub)
		close(sub.records)
	}
}

// Missed is how many records were left out since it was called last.
func (sub *Subscription) Missed() int {
	sub.hub.mu.Lock()
	defer sub.hub.mu.Unlock()
	n := sub.missed
	sub.missed = 0
	return n
}

func (h *hub) publish(r Record) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for sub := range h.subs {
		if sub.want != nil && !sub.want(r) {
			continue
		}
		select {
		case sub.records <- r:
		default:
			sub.missed++
		}
	}
}
