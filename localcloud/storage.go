package localcloud

import (
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/limiter"
	"github.com/tamylaa/clodo/localcloud/internal/mail"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/store"
	"github.com/tamylaa/clodo/localcloud/internal/tail"
	"github.com/tamylaa/clodo/localcloud/internal/traffic"
	"github.com/tamylaa/clodo/localcloud/internal/vectorize"
)

// storage is all that a cloud keeps in its folder: what it was told, and the data of
// each product.
type storage struct {
	store      *store.Store
	databases  *d1.Store
	namespaces *kv.Store
	limits     *limiter.Limiter
	traffic    *traffic.Store
	tails      *tail.Tails
	datasets   *dataset.Store
	buckets    *r2.Store
	vectors    *vectorize.Store
	models     *ai.Upstream
	messages   *queue.Store
	queues     *queue.Broker
	mails      *mail.Mailbox
}

// openStorage opens what dir holds, making what is missing. Its products
// go by c. The caller has the folder's lock.
func openStorage(dir string, c *clock.Clock, log *slog.Logger) (*storage, error) {
	s := &storage{limits: limiter.New(c)}
	var err error
	if s.store, err = store.Open(dir); err == nil {
		if s.databases, err = d1.NewStore(filepath.Join(dir, "d1"), c); err == nil {
			if s.namespaces, err = kv.Open(filepath.Join(dir, "kv.db"), c); err == nil {
				s.buckets, err = r2.Open(filepath.Join(dir, "r2"), c)
			}
		}
	}
	if err == nil {
		s.messages, err = queue.Open(filepath.Join(dir, "queues.db"), c)
	}
	if err == nil {
		s.mails, err = mail.Open(filepath.Join(dir, "mail.db"), c, log)
	}
	if err == nil {
		s.traffic, err = traffic.Open(traffic.Options{Path: filepath.Join(dir, "traffic.db"), Clock: c, Log: log})
		s.tails = tail.New(s.traffic, c)
		s.databases.Observe(s.traffic.Called)
	}
	if err == nil {
		s.datasets, err = dataset.Open(filepath.Join(dir, "analytics.db"), c)
	}
	if err == nil {
		s.vectors, err = vectorize.Open(filepath.Join(dir, "vectorize.db"), c)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.queues = queue.NewBroker(s.messages, c, log)
	return s, nil
}

// close closes what is open.
func (s *storage) close() error {
	var err error
	if s.traffic != nil {
		err = errors.Join(err, s.traffic.Close())
	}
	if s.datasets != nil {
		err = errors.Join(err, s.datasets.Close())
	}
	if s.databases != nil {
		err = errors.Join(err, s.databases.Close())
	}
	if s.mails != nil {
		err = errors.Join(err, s.mails.Close())
	}
	if s.messages != nil {
		err = errors.Join(err, s.messages.Close())
	}
	if s.namespaces != nil {
		err = errors.Join(err, s.namespaces.Close())
	}
	if s.buckets != nil {
		err = errors.Join(err, s.buckets.Close())
	}
	if s.vectors != nil {
		err = errors.Join(err, s.vectors.Close())
	}
	if s.store != nil {
		err = errors.Join(err, s.store.Close())
	}
	return err
}
