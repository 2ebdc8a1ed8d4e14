package localcloud

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"

	"github.com/tamylaa/clodo/localcloud/internal/ai"
	"github.com/tamylaa/clodo/localcloud/internal/cache"
	"github.com/tamylaa/clodo/localcloud/internal/clock"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/dataset"
	"github.com/tamylaa/clodo/localcloud/internal/kv"
	"github.com/tamylaa/clodo/localcloud/internal/mail"
	"github.com/tamylaa/clodo/localcloud/internal/queue"
	"github.com/tamylaa/clodo/localcloud/internal/r2"
	"github.com/tamylaa/clodo/localcloud/internal/ratelimit"
	"github.com/tamylaa/clodo/localcloud/internal/secretstore"
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
	limits     *ratelimit.Limiter
	traffic    *traffic.Store
	tails      *tail.Tails
	datasets   *dataset.Store
	buckets    *r2.Store
	vectors    *vectorize.Store
	models     *ai.Upstream
	messages   *queue.Store
	queues     *queue.Broker
	mails      *mail.Mailbox
	secrets    *secretstore.Stores
	caches     *cache.Cache

	opened []io.Closer
}

// cacheFolder has the longer answers of the Cache API. It is empty when a cloud starts, and
// gone when it has ended.
const cacheFolder = "cache"

// openStorage opens what dir holds, making what is missing. Its products
// go by c. The caller has the folder's lock.
func openStorage(dir string, c *clock.Clock, log *slog.Logger) (*storage, error) {
	s := &storage{limits: ratelimit.New(c)}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, open := range []func() (io.Closer, error){
		func() (_ io.Closer, err error) { s.store, err = store.Open(dir); return s.store, err },
		func() (_ io.Closer, err error) { s.databases, err = d1.NewStore(in("d1"), c); return s.databases, err },
		func() (_ io.Closer, err error) { s.namespaces, err = kv.Open(in("kv.db"), c); return s.namespaces, err },
		func() (_ io.Closer, err error) { s.buckets, err = r2.Open(in("r2"), c); return s.buckets, err },
		func() (_ io.Closer, err error) {
			s.messages, err = queue.Open(in("queues.db"), c)
			return s.messages, err
		},
		func() (_ io.Closer, err error) {
			s.secrets, err = secretstore.Open(in("secrets.db"), c)
			return s.secrets, err
		},
		func() (_ io.Closer, err error) { s.caches, err = cache.Open(in(cacheFolder), c); return s.caches, err },
		func() (_ io.Closer, err error) { s.mails, err = mail.Open(in("mail.db"), c, log); return s.mails, err },
		func() (_ io.Closer, err error) {
			s.datasets, err = dataset.Open(in("analytics.db"), c)
			return s.datasets, err
		},
		func() (_ io.Closer, err error) {
			s.vectors, err = vectorize.Open(in("vectorize.db"), c)
			return s.vectors, err
		},
		func() (_ io.Closer, err error) {
			s.traffic, err = traffic.Open(traffic.Options{Path: in("traffic.db"), Clock: c, Log: log})
			return s.traffic, err
		},
	} {
		opened, err := open()
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.opened = append(s.opened, opened)
	}
	s.databases.Observe(s.traffic.Called)
	s.tails = tail.New(s.traffic, c)
	s.queues = queue.NewBroker(s.messages, c, log)
	return s, nil
}

// close closes what is open, the last first.
func (s *storage) close() error {
	var err error
	for _, one := range slices.Backward(s.opened) {
		err = errors.Join(err, one.Close())
	}
	return err
}
