package deploytest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tamylaa/clodo/audit"
	"github.com/tamylaa/clodo/deploy"
	"github.com/tamylaa/clodo/project"
)

// Store is a state folder in memory: Recorder, History, Leases and Blobs. It outlives
// Deployers, as a disk outlives processes. Full makes every write fail.
type Store struct {
	mu       sync.Mutex
	releases []deploy.Release // newest first
	notes    []deploy.StepNote
	events   []audit.Event
	leases   map[string]held
	blobs    map[string][]byte
	Full     bool
	Dead     map[int]bool // processes that died: their leases are free
}

type held struct {
	deploy.Lease
	by    deploy.Holder
	since time.Time
}

// NewStore is an empty store.
func NewStore() *Store {
	return &Store{leases: map[string]held{}, blobs: map[string][]byte{}, Dead: map[int]bool{}}
}

func (s *Store) lock() (func(), error) {
	s.mu.Lock()
	if s.Full {
		s.mu.Unlock()
		return nil, fmt.Errorf("no space left on device")
	}
	return s.mu.Unlock, nil
}

// SaveRelease implements deploy.Recorder.
func (s *Store) SaveRelease(_ context.Context, r deploy.Release, e audit.Event) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	r.Targets = slices.Clone(r.Targets)
	s.releases = slices.Insert(s.releases, 0, r)
	s.events = append(s.events, e)
	return nil
}

// SaveTarget implements deploy.Recorder.
func (s *Store) SaveTarget(_ context.Context, release string, t deploy.TargetRecord, fence deploy.Lease, e audit.Event) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if s.leases[fence.Resource].Epoch != fence.Epoch {
		return fmt.Errorf("lease %s: %w", fence.Resource, deploy.ErrConflict)
	}
	for i := range s.releases {
		for j := range s.releases[i].Targets {
			if s.releases[i].ID == release && s.releases[i].Targets[j].Target == t.Target {
				s.releases[i].Targets[j] = t
			}
		}
	}
	s.events = append(s.events, e)
	return nil
}

// SaveStep implements deploy.Recorder.
func (s *Store) SaveStep(_ context.Context, n deploy.StepNote, _ deploy.Lease) error {
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	s.notes = append(s.notes, n)
	return nil
}

// Releases implements deploy.History.
func (s *Store) Releases(_ context.Context, limit int) ([]deploy.Release, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []deploy.Release
	for _, r := range s.releases[:min(limit, len(s.releases))] {
		r.Targets = slices.Clone(r.Targets)
		list = append(list, r)
	}
	return list, nil
}

// Unfinished implements deploy.History.
func (s *Store) Unfinished(ctx context.Context) ([]deploy.Release, error) {
	list, err := s.Releases(ctx, len(s.releases))
	return slices.DeleteFunc(list, func(r deploy.Release) bool {
		return !slices.ContainsFunc(r.Targets, func(t deploy.TargetRecord) bool { return t.Outcome == deploy.Running })
	}), err
}

// Steps implements deploy.History.
func (s *Store) Steps(_ context.Context, release string) ([]deploy.StepNote, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []deploy.StepNote
	for _, n := range s.notes {
		if n.Release == release {
			list = append(list, n)
		}
	}
	return list, nil
}

// Acquire implements deploy.Leases.
func (s *Store) Acquire(_ context.Context, resource string, h deploy.Holder, ttl time.Duration) (deploy.Lease, error) {
	unlock, err := s.lock()
	if err != nil {
		return deploy.Lease{}, err
	}
	defer unlock()
	old := s.leases[resource]
	if time.Now().Before(old.Expires) && !s.Dead[old.by.PID] {
		return deploy.Lease{}, &deploy.HeldError{Resource: resource, Holder: old.by, Since: old.since, Expires: old.Expires}
	}
	l := deploy.Lease{Resource: resource, Epoch: old.Epoch + 1, Expires: time.Now().Add(ttl)}
	s.leases[resource] = held{Lease: l, by: h, since: time.Now()}
	return l, nil
}

// Renew implements deploy.Leases.
func (s *Store) Renew(_ context.Context, l deploy.Lease, ttl time.Duration) (deploy.Lease, error) {
	unlock, err := s.lock()
	if err != nil {
		return l, err
	}
	defer unlock()
	now := s.leases[l.Resource]
	if now.Epoch != l.Epoch {
		return l, fmt.Errorf("lease %s: %w", l.Resource, deploy.ErrConflict)
	}
	now.Expires = time.Now().Add(ttl)
	s.leases[l.Resource] = now
	return now.Lease, nil
}

// giveBack ends a lease.
func (s *Store) giveBack(l deploy.Lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.leases[l.Resource]; now.Epoch == l.Epoch {
		now.Expires = time.Time{}
		s.leases[l.Resource] = now
	}
}

// Leases is the store as deploy.Leases.
func (s *Store) Leases() deploy.Leases { return leases{s} }

type leases struct{ *Store }

// Release implements deploy.Leases.
func (l leases) Release(_ context.Context, x deploy.Lease) error {
	l.giveBack(x)
	return nil
}

// Put implements deploy.Blobs.
func (s *Store) Put(_ context.Context, b []byte) (string, error) {
	unlock, err := s.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	s.blobs[deploy.Digest(b)] = slices.Clone(b)
	return deploy.Digest(b), nil
}

// Get implements deploy.Blobs.
func (s *Store) Get(_ context.Context, digest string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[digest]
	if !ok {
		return nil, fmt.Errorf("blob %s: %w", digest, deploy.ErrNotFound)
	}
	return b, nil
}

// Source is a Builder and Secrets for tests: each target's code by its service.
type Source struct {
	Code    map[string]string
	Values  []deploy.SecretInfo
	Broken  error
	Classic bool // service-worker syntax
}

// Build implements deploy.Builder.
func (s *Source) Build(_ context.Context, t project.Target) (deploy.Artifact, error) {
	if s.Broken != nil {
		return deploy.Artifact{}, s.Broken
	}
	m := deploy.NewModule("index.js", "application/javascript+module", []byte(s.Code[t.Service]))
	return deploy.Artifact{MainModule: m.Name, Modules: []deploy.Module{m}, Size: m.Size, GzipSize: m.Size, ServiceWorker: s.Classic}, nil
}

// Available implements deploy.Secrets.
func (s *Source) Available(context.Context, project.TargetID) ([]deploy.SecretInfo, error) {
	return s.Values, nil
}

// Events is an Observer that remembers.
type Events struct {
	mu   sync.Mutex
	List []deploy.Event
}

// Observe implements deploy.Observer.
func (e *Events) Observe(ev deploy.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.List = append(e.List, ev)
}
