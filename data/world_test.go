package data

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/localcloud"
)

// The models of the tests: people who write posts, which have tags.
type person struct {
	_         Table      `data:"people"`
	ID        string     `data:"id,key"`
	Email     string     `data:"email,required,unique"`
	Name      *string    `data:"name"`
	Age       *int       `data:"age,min=0,max=150"`
	Score     float64    `data:"score"`
	Role      string     `data:"role,enum=admin|member,default=member"`
	Active    bool       `data:"active"`
	Secret    string     `data:"secret,hidden"`
	Picture   []byte     `data:"picture"`
	CreatedAt time.Time  `data:"created_at,created"`
	UpdatedAt time.Time  `data:"updated_at,updated"`
	Version   int        `data:"version,version"`
	DeletedAt *time.Time `data:"deleted_at,deleted"`
	Posts     []post     `data:"posts,hasMany=author_id"`
	Profile   *profile   `data:"profile,hasOne=person_id"`
}

type post struct {
	_        Table   `data:"posts"`
	ID       int64   `data:"id,key"`
	AuthorID *string `data:"author_id"`
	Title    string  `data:"title,required"`
	Author   *person `data:"author,belongsTo=author_id"`
	Tags     []tagg  `data:"tags,manyToMany=post_tags,key=post_id,other=tag_id"`
}

type tagg struct {
	_    Table  `data:"tags"`
	ID   int64  `data:"id,key"`
	Name string `data:"name,required,unique"`
}

type profile struct {
	_        Table  `data:"profiles"`
	ID       int64  `data:"id,key"`
	PersonID string `data:"person_id,required"`
	Bio      string `data:"bio"`
}

const worldSQL = `
CREATE TABLE people (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT, age INTEGER, score REAL NOT NULL, role TEXT NOT NULL, active INTEGER NOT NULL, secret TEXT NOT NULL, picture BLOB NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, version INTEGER NOT NULL, deleted_at TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, author_id TEXT REFERENCES people(id), title TEXT NOT NULL);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE post_tags (post_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (post_id, tag_id));
CREATE TABLE profiles (id INTEGER PRIMARY KEY, person_id TEXT NOT NULL, bio TEXT NOT NULL);
`

// world is a database of its own, with a context that leads to it.
type world struct {
	context.Context //nolint:containedctx // of one test
	db              *d1.DB
	calls           atomic.Int64 // of the binding: round trips on Workers
	rt              http.RoundTripper
}

// RoundTrip counts a call and answers it.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	w.calls.Add(1)
	return w.rt.RoundTrip(r)
}

// newWorld makes the tables.
func newWorld(t testing.TB) *world {
	t.Helper()
	stores, err := localcloud.OpenData(localcloud.DataOptions{Dir: t.TempDir()})
	fatal(t, err)
	t.Cleanup(func() { _ = stores.Close() })
	bindings, err := stores.Bindings(t.Context(), localcloud.Program{Script: "test", Bindings: []json.RawMessage{
		json.RawMessage(`{"type":"d1","name":"DB","id":"one"}`), json.RawMessage(`{"type":"r2_bucket","name":"FILES","bucket_name":"files"}`),
	}})
	fatal(t, err)
	w := &world{db: d1.Open("DB"), rt: bindings}
	w.Context = host.WithBindings(t.Context(), w)
	_, err = w.db.Exec(w, worldSQL)
	fatal(t, err)
	return w
}

// during counts the calls of the database that f makes.
func (w *world) during(f func()) int64 {
	before := w.calls.Load()
	f()
	return w.calls.Load() - before
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }
