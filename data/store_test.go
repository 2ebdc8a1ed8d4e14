package data

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
)

func TestAPersonsLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
	made, err := people.Create(w, person{Email: "ann@example.com", Age: ptr(30), Role: "admin", Picture: []byte{0, 255}, Secret: "x"})
	fatal(t, err)
	if made.ID == "" || made.CreatedAt.IsZero() || made.Version != 1 || *made.Age != 30 || made.Name != nil {
		t.Errorf("made %+v", made)
	}
	read, err := people.Get(w, made.ID)
	fatal(t, err)
	if diff := cmp.Diff(made, read, cmp.AllowUnexported(person{})); diff != "" {
		t.Error(diff)
	}
	read.Name = ptr("Ann")
	changed, err := people.Update(w, read)
	fatal(t, err)
	if changed.Version != 2 || *changed.Name != "Ann" || changed.CreatedAt != made.CreatedAt {
		t.Errorf("changed %+v", changed)
	}
	if _, err := people.Update(w, read); !errors.Is(err, ErrConflict) {
		t.Errorf("an old version was taken: %v", err)
	}
	patched, err := people.Patch(w, person{ID: made.ID, Age: ptr(31)}, "age")
	fatal(t, err)
	if patched.Version != 3 || *patched.Age != 31 || *patched.Name != "Ann" || patched.Secret != "x" {
		t.Errorf("patched %+v", patched)
	}
	_, err = people.Create(w, person{Email: "ann@example.com", Role: "member"})
	var p *clodo.Problem
	if !errors.Is(err, ErrUnique) || !errors.As(err, &p) || p.Status != 409 || len(p.Fields) != 1 || p.Fields[0].Name != "email" {
		t.Errorf("the same email twice: %v", err)
	}
	fatal(t, people.Delete(w, made.ID))
	if _, err := people.Get(w, made.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is still there: %v", err)
	}
	if err := people.Delete(w, made.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("it was deleted twice: %v", err)
	}
	page, err := people.List(w, Query{Deleted: true})
	fatal(t, err)
	if len(page.Rows) != 1 || page.Rows[0].DeletedAt == nil {
		t.Errorf("a row that is deleted softly is gone: %+v", page.Rows)
	}
}

func TestManyRowsAreWrittenTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
	var rows []person
	for i := range 100 {
		rows = append(rows, person{Email: fmt.Sprint(i, "@example.com"), Role: "member", Picture: []byte{}})
	}
	var made []person
	if n := w.during(func() {
		var err error
		made, err = people.CreateMany(w, rows)
		fatal(t, err)
	}); n != 1 || len(made) != 100 {
		t.Errorf("%d rows in %d calls", len(made), n)
	}
	if _, err := people.CreateMany(w, make([]person, 101)); !errors.Is(err, ErrTooMany) {
		t.Errorf("101 rows: %v", err)
	}
	if _, err := people.CreateMany(w, []person{{Email: "new@example.com", Role: "member"}, {Email: "7@example.com", Role: "member"}}); !errors.Is(err, ErrUnique) {
		t.Errorf("a value twice: %v", err)
	}
	if n, err := people.Count(w, Filter{}); err != nil || n != 100 {
		t.Errorf("%d rows, %v", n, err)
	}
	for i := range made {
		made[i].Score = float64(i)
	}
	changed, err := people.UpdateMany(w, made)
	fatal(t, err)
	if len(changed) != 100 || changed[99].Score != 99 || changed[99].Version != 2 {
		t.Errorf("%d changed, %+v", len(changed), changed[99])
	}
	changed[0].Score, changed[1].Version = -1, 1
	if _, err := people.UpdateMany(w, changed); !errors.Is(err, ErrConflict) {
		t.Errorf("an old version among many: %v", err)
	}
	if first, err := people.Get(w, changed[0].ID); err != nil || first.Score != 0 {
		t.Errorf("a part was written: %+v, %v", first, err)
	}
	n, err := people.DeleteMany(w, changed[0].ID, changed[1].ID, "nobody")
	if err != nil || n != 2 {
		t.Errorf("%d deleted, %v", n, err)
	}
}

func TestRelationsAreLoadedInOneCallMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
	posts := NewStore(Define(Options[post]{}), w.db, StoreOptions{})
	var ids []string
	for i := range 5 {
		p, err := people.Create(w, person{Email: fmt.Sprint(i), Role: "member"})
		fatal(t, err)
		ids = append(ids, p.ID)
		for n := range i {
			_, err := posts.Create(w, post{AuthorID: &p.ID, Title: fmt.Sprint(i, n)})
			fatal(t, err)
		}
	}
	_, err := posts.Create(w, post{Title: "nobody's"})
	fatal(t, err)
	_, err = w.db.Exec(w, "INSERT INTO tags (name) VALUES ('go'),('d1')\nINSERT INTO post_tags SELECT id, 1 FROM posts WHERE id<3\nINSERT INTO post_tags VALUES (1,2)\nINSERT INTO profiles (person_id,bio) VALUES ('"+ids[1]+"','hi')")
	fatal(t, err)
	var page *Page[person]
	if n := w.during(func() {
		page, err = people.List(w, Query{Include: []string{"posts", "profile"}, Sort: []Order{Asc("email")}})
		fatal(t, err)
	}); n != 2 {
		t.Errorf("%d calls for two relations", n)
	}
	for i, p := range page.Rows {
		if len(p.Posts) != i || p.Posts == nil || (p.Profile != nil) != (i == 1) {
			t.Errorf("person %d has %d posts and the profile %v", i, len(p.Posts), p.Profile)
		}
	}
	list, err := posts.List(w, Query{Include: []string{"author", "tags"}})
	fatal(t, err)
	if a := list.Rows[0].Author; a == nil || a.ID != ids[1] || list.Rows[10].Author != nil {
		t.Errorf("the authors are %v and %v", a, list.Rows[10].Author)
	}
	if tags := list.Rows[0].Tags; len(tags) != 2 || tags[1].Name != "d1" || len(list.Rows[1].Tags) != 1 || len(list.Rows[2].Tags) != 0 {
		t.Errorf("tags %v, %v, %v", tags, list.Rows[1].Tags, list.Rows[2].Tags)
	}
	fatal(t, people.Delete(w, ids[1]))
	one, err := posts.Get(w, 1, "author")
	if err != nil || one.Author != nil {
		t.Errorf("the author who is deleted is %v, %v", one.Author, err)
	}
}

// Reads are answered by the cache until somebody writes, and nobody sees an old row
// after his own write, whatever reads are under way.
func TestTheCacheAnswersUntilAWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cache := NewCache(CacheOptions{})
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{Cache: cache})
	made, err := people.Create(w, person{Email: "ann", Role: "member", Name: ptr("Ann"), Picture: []byte{1}})
	fatal(t, err)
	read := func() person {
		t.Helper()
		one, err := people.Get(w, made.ID)
		fatal(t, err)
		page, err := people.List(w, Query{Filter: Eq("email", "ann"), Count: true})
		fatal(t, err)
		if diff := cmp.Diff([]person{one}, page.Rows, cmp.AllowUnexported(person{})); diff != "" {
			t.Error(diff)
		}
		return one
	}
	if n := w.during(func() { read(); read(); read() }); n != 2 {
		t.Errorf("three times two reads made %d calls", n)
	}
	one := read()
	*one.Name, one.Picture[0] = "changed in memory", 2
	if again := read(); *again.Name != "Ann" || again.Picture[0] != 1 {
		t.Errorf("a reader changed what others read: %s, %v", *again.Name, again.Picture)
	}
	if s := cache.Stats(); s.Hits != 8 || s.Entries != 2 || people.CacheStats() != s {
		t.Errorf("%+v", s)
	}
	for _, write := range []func() error{
		func() error { _, err := people.Patch(w, person{ID: made.ID, Name: ptr("Bea")}, "name"); return err },
		func() error { _, err := people.CreateMany(w, []person{{Email: "bob", Role: "member"}}); return err },
		func() error {
			_, err := people.Create(w, person{Email: "ann", Role: "member"})
			if !errors.Is(err, ErrUnique) {
				return fmt.Errorf("the same email: %w", err)
			}
			return nil // nobody can know what a write that failed did
		},
	} {
		fatal(t, write())
		if n := w.during(func() { read() }); n != 2 {
			t.Errorf("after a write two reads made %d calls", n)
		}
	}
	if one := read(); *one.Name != "Bea" {
		t.Errorf("read %s", *one.Name)
	}
	var all sync.WaitGroup
	for i := range 4 {
		p, err := people.Create(w, person{Email: fmt.Sprint(i), Role: "member"})
		fatal(t, err)
		all.Go(func() {
			for n := range 100 {
				if _, err := people.Patch(w, person{ID: p.ID, Score: float64(n)}, "score"); err != nil {
					t.Error(err)
					return
				}
				got, err := people.Get(w, p.ID)
				if err != nil || got.Score != float64(n) {
					t.Errorf("wrote %d and read %v, %v", n, got.Score, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestTheTextOfAStatementIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	posts := NewStore(Define(Options[post]{}), w.db, StoreOptions{})
	for i := range 1000 {
		if _, err := posts.Get(w, i+1); !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
	if s := posts.Statements(); s.Misses != 1 || s.Hits != 999 || s.Entries != 1 {
		t.Errorf("%+v", s)
	}
	for i := range 600 { // filters of 600 shapes
		parts := []Filter{}
		for bit := range 10 {
			if i&(1<<bit) != 0 {
				parts = append(parts, Ne("title", "x"))
			} else {
				parts = append(parts, Eq("title", "x"))
			}
		}
		_, err := posts.List(w, Query{Filter: And(parts...)})
		fatal(t, err)
	}
	if s := posts.Statements(); s.Entries > 500 {
		t.Errorf("%d texts are kept", s.Entries)
	}
}

// SQL in every value that can be written: it comes back as it was, and nothing else
// happens. Names are a matter of TestAQueryOfAURLIsRead and FuzzQuery.
func TestSQLInValuesIsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := NewStore(Define(Options[person]{}), w.db, StoreOptions{})
	for _, evil := range []string{`'; DROP TABLE people; --`, `" OR 1=1 --`, `\`, `%`, `_`, "a\x00b", `{"a":1}`, `]`, `?1`, "é\u2028x"} {
		t.Run(fmt.Sprintf("%q", evil), func(t *testing.T) {
			made, err := people.Create(w, person{ID: evil, Email: evil, Name: &evil, Secret: evil, Role: "member"})
			fatal(t, err)
			for name, f := range map[string]Filter{
				"equal": Eq("email", evil), "in": In("email", evil), "like": Like("name", evil), "between": And(Gte("name", evil), Lte("name", evil)), "key": Eq("id", evil),
			} {
				page, err := people.List(w, Query{Filter: f, Sort: []Order{Asc("name")}, Limit: 1})
				fatal(t, err)
				if len(page.Rows) != 1 || page.HasNext() || page.Rows[0].Email != evil {
					t.Errorf("%s: %+v", name, page.Rows)
				}
			}
			read, err := people.Get(w, evil, "posts", "profile")
			if err != nil || read.ID != made.ID {
				t.Errorf("%v, %v", read, err)
			}
			if _, err := people.Patch(w, person{ID: evil, Name: &evil}, "name"); err != nil {
				t.Error(err)
			}
			if n, err := people.DeleteMany(w, evil); err != nil || n != 1 {
				t.Errorf("%d, %v", n, err)
			}
			if n, err := people.Count(w, Filter{}); err != nil || n != 0 {
				t.Errorf("%d rows are left, %v", n, err)
			}
		})
	}
}
