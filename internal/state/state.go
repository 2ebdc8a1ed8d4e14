// Package state is clodo's memory beside a portfolio: the folder .clodo with a SQLite
// database of releases, leases and the audit journal, and artifacts by their digests.
// Every change is written together with the audit event that tells of it.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Folder is the name of the state folder.
const Folder = ".clodo"

// Store is the state folder. It is opened when it is first read, and made when it is
// first written, so that looking at a plan leaves nothing behind. It is safe for
// concurrent use, and by several processes at once.
type Store struct {
	dir string

	mu sync.Mutex
	db *sql.DB
}

// New is the store in dir, which is usually ROOT/.clodo.
func New(dir string) *Store { return &Store{dir: dir} }

// Dir is the state folder.
func (s *Store) Dir() string { return s.dir }

// Close releases the database.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return db.Close()
}

// Handle is a new handle on the database for the flow engine, which has its own
// tables there and closes the handle.
func (s *Store) Handle(ctx context.Context) (*sql.DB, error) {
	if _, err := s.write(ctx); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", s.dsn())
	if err != nil {
		return nil, s.explain(err)
	}
	return db, nil
}

// Make makes the folder when it is missing, without the database.
func (s *Store) Make() error { return s.explain(MakeFolder(s.dir)) }

func (s *Store) path() string { return filepath.Join(s.dir, "state.db") }

func (s *Store) dsn() string {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(s.path())}
	if runtime.GOOS == "windows" {
		u.Path = "/" + u.Path
	}
	u.RawQuery = url.Values{
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyWait.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}.Encode()
	return u.String()
}

// read is the database, or nil when there is none yet.
func (s *Store) read(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return s.db, nil
	}
	if _, err := os.Stat(s.path()); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return s.open(ctx)
}

// write is the database, made when there is none yet.
func (s *Store) write(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		return s.db, nil
	}
	if err := MakeFolder(s.dir); err != nil {
		return nil, s.explain(err)
	}
	f, err := os.OpenFile(s.path(), os.O_CREATE|os.O_RDWR, 0o600) // SQLite would let everybody read it
	if err != nil {
		return nil, s.explain(err)
	}
	if err := f.Close(); err != nil {
		return nil, s.explain(err)
	}
	return s.open(ctx)
}

// MakeFolder makes the state folder, which ignores itself in git.
func MakeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	ignore := filepath.Join(dir, ".gitignore")
	if _, err := os.Stat(ignore); err == nil {
		return nil
	}
	return os.WriteFile(ignore, []byte("# made by clodo: state of this machine\n*\n"), 0o600)
}

// How long a process waits for another one's lock, and how often it looks.
const (
	busyWait  = 10 * time.Second
	busyPause = 10 * time.Millisecond
)

func (s *Store) open(ctx context.Context) (*sql.DB, error) {
	if name := networkFileSystem(s.dir); name != "" {
		return nil, onNetwork(s.dir, name)
	}
	db, err := sql.Open("sqlite", s.dsn())
	if err != nil {
		return nil, s.explain(err)
	}
	db.SetMaxOpenConns(4)
	err = prepare(ctx, db, s.dir)
	// SQLite does not wait for another process that is just making, recovering or (as
	// the last one to close) removing the write-ahead log, as it does for other locks.
	for deadline := time.Now().Add(busyWait); isBusy(err) && time.Now().Before(deadline) && ctx.Err() == nil; {
		time.Sleep(busyPause)
		err = prepare(ctx, db, s.dir)
	}
	if err != nil {
		return nil, errors.Join(s.explain(err), db.Close())
	}
	s.db = db
	return db, nil
}

// migrations makes the tables; the version of a database is how many of them ran. To
// change the tables a new one is added, never an old one edited.
var migrations = [...]string{`
CREATE TABLE clodo_releases (
	id      TEXT PRIMARY KEY,
	kind    TEXT NOT NULL,
	started TEXT NOT NULL,
	holder  TEXT NOT NULL,
	message TEXT NOT NULL,
	plan    TEXT NOT NULL
) STRICT;
CREATE TABLE clodo_targets (
	release TEXT NOT NULL REFERENCES clodo_releases (id),
	place   INTEGER NOT NULL,
	target  TEXT NOT NULL,
	outcome TEXT NOT NULL,
	record  TEXT NOT NULL,
	PRIMARY KEY (release, target)
) STRICT;
CREATE INDEX clodo_targets_running ON clodo_targets (outcome) WHERE outcome = 'running';
CREATE TABLE clodo_steps (
	number  INTEGER PRIMARY KEY,
	release TEXT NOT NULL,
	note    TEXT NOT NULL
) STRICT;
CREATE INDEX clodo_steps_release ON clodo_steps (release);
CREATE TABLE clodo_leases (
	resource TEXT PRIMARY KEY,
	epoch    INTEGER NOT NULL,
	holder   TEXT NOT NULL,
	since    INTEGER NOT NULL,
	expires  INTEGER NOT NULL
) STRICT;
CREATE TABLE clodo_audit (
	seq  INTEGER PRIMARY KEY,
	body TEXT NOT NULL,
	prev TEXT NOT NULL,
	hash TEXT NOT NULL
) STRICT;
`}

// minReader is the oldest version of these migrations whose clodo can work on a
// database of the newest version.
const minReader = 1

// prepare brings the tables up to date, or refuses a database of a newer clodo.
func prepare(ctx context.Context, db *sql.DB, dir string) error {
	var tables int
	if err := db.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = 'clodo_meta'").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		if current, err := usable(ctx, db, dir); current || err != nil {
			return err
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS clodo_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT"); err != nil {
		return err
	}
	version, err := meta(ctx, tx, "version") // again: another process may have been faster
	if err != nil {
		return err
	}
	for _, m := range migrations[min(version, len(migrations)):] {
		if _, err := tx.ExecContext(ctx, m); err != nil {
			return err
		}
	}
	if version >= len(migrations) {
		return nil
	}
	for key, value := range map[string]int{"version": len(migrations), "min_reader": minReader} {
		if _, err := tx.ExecContext(ctx, "INSERT INTO clodo_meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, strconv.Itoa(value)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// usable reports whether the tables are up to date; the error is that they are of a
// newer clodo which this one cannot read.
func usable(ctx context.Context, db *sql.DB, dir string) (current bool, err error) {
	version, err := meta(ctx, db, "version")
	if err != nil {
		return false, err
	}
	oldest, err := meta(ctx, db, "min_reader")
	if err == nil && oldest > len(migrations) {
		err = tooNew(dir, oldest, len(migrations))
	}
	return version >= len(migrations), err
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// meta is a number in clodo_meta, 0 when there is none.
func meta(ctx context.Context, db querier, key string) (int, error) {
	var text string
	err := db.QueryRowContext(ctx, "SELECT value FROM clodo_meta WHERE key = ?", key).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("clodo_meta %s: %w", key, err)
	}
	return n, nil
}

// change runs f in a transaction that is written to disk before it returns.
func (s *Store) change(ctx context.Context, f func(*sql.Tx) error) error {
	db, err := s.write(ctx)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	if err := f(tx); err != nil {
		return s.explain(err)
	}
	return s.explain(tx.Commit())
}
