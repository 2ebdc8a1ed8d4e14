package openapi_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/clodotest"
	"github.com/tamylaa/clodo/data"
	"github.com/tamylaa/clodo/internal/openapi"
	"github.com/tamylaa/clodo/internal/openapi/testdata/notes"
	"github.com/tamylaa/clodo/services"
)

type note struct {
	_         data.Table `data:"notes"`
	ID        int64      `data:"id,key"`
	Title     string     `data:"title,required,min=1,max=200"`
	Body      *string    `data:"body,max=1000"`
	State     string     `data:"state,enum=open|done,default=open"`
	Stars     int64      `data:"stars,min=0,max=5,default=0"`
	Weight    *float64   `data:"weight"`
	Pinned    bool       `data:"pinned"`
	CreatedAt time.Time  `data:"created_at,created"`
}

var noteModel = data.Define(data.Options[note]{})

func newNotes() (*clodo.App, error) {
	app, err := clodo.New(clodo.Options{Bindings: []string{"DB"}})
	if err != nil {
		return nil, err
	}
	endpoint := data.Resource(app.Router, "/notes", data.NewStore(noteModel, d1.Open("DB"), data.StoreOptions{}), data.ResourceOptions{})
	app.Handle("GET /openapi.json", data.OpenAPI(data.Info{Title: "Notes"}, endpoint))
	return app, nil
}

// A data service describes itself, a client is made of that, and speaks with the service.
func TestADataServiceAndItsClientUnderstandEachOther(t *testing.T) {
	t.Parallel()
	app := clodotest.StartWith(t, newNotes, clodotest.Options{Dir: "testdata/notes"})
	document := clodotest.Body(t, app.Get("/openapi.json"))
	api, found := openapi.Read("openapi.json", []byte(document))
	for _, f := range found {
		t.Errorf("%s: %s", f.Severity, f.Error())
	}
	if api == nil {
		t.Fatal("there is no API")
	}
	code, found, err := api.Go("notes")
	for _, f := range found {
		t.Error(f.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "notes", "notes.go")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, code, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(code)); diff != "" {
		t.Fatalf("%s (-want +got); UPDATE=1 writes it:\n%s", file, diff)
	}
	transport := app.Client().Transport
	use(t.Context(), t, notes.New("http://notes.example", transport))
	// As one service calls another, with its time-out and circuit breaker.
	use(services.With(t.Context(), "notes", transport), t, notes.New("", services.Open("notes", services.Options{})))
}

// use goes through what a service in Go would do with the client.
func use(ctx context.Context, t *testing.T, c *notes.Client) {
	t.Helper()
	var etag string
	c.Answered = func(res *http.Response) { etag = res.Header.Get("ETag") }

	made, err := c.CreateNote(ctx, notes.NoteInput{Title: "one", Body: notes.Some("text"), State: new(notes.NoteStateDone), Weight: notes.Some(1.5)})
	if err != nil {
		t.Fatal(err)
	}
	one := made.Data
	if one.Title != "one" || one.Body == nil || *one.Body != "text" || one.State != notes.NoteStateDone || one.Weight == nil || *one.Weight != 1.5 || one.CreatedAt.IsZero() {
		t.Errorf("made: %+v", one)
	}
	rows, err := c.CreateNotes(ctx, []notes.NoteInput{{Title: "two"}, {Title: "three", Pinned: new(true)}})
	if err != nil || len(rows.Data) != 2 {
		t.Fatalf("bulk: %+v, %v", rows, err)
	}

	first, err := c.ListNotes(ctx, notes.ListNotesParams{Limit: new(int64(2)), Sort: new("-title")})
	if err != nil || len(first.Data) != 2 || first.Data[0].Title != "two" {
		t.Fatalf("the first page: %+v, %v", first, err)
	}
	done, err := c.ListNotes(ctx, notes.ListNotesParams{State: new(notes.NoteStateDone), StarsLt: new(int64(1)), CreatedAtLte: new(one.CreatedAt)})
	if err != nil || len(done.Data) != 1 || done.Data[0].ID != one.ID {
		t.Errorf("with a filter: %+v, %v", done, err)
	}

	if _, err := c.GetNote(ctx, one.ID, notes.GetNoteParams{}); err != nil {
		t.Fatal(err)
	}
	read := etag
	changed, err := c.UpdateNote(ctx, one.ID, notes.UpdateNoteParams{IfMatch: &read}, notes.NotePatch{Body: notes.Optional[string]{Set: true}, Stars: new(int64(5))})
	if err != nil || changed.Data.Body != nil || changed.Data.Stars != 5 || changed.Data.Title != "one" {
		t.Errorf("changed: %+v, %v", changed, err)
	}
	_, err = c.UpdateNote(ctx, one.ID, notes.UpdateNoteParams{IfMatch: &read}, notes.NotePatch{Stars: new(int64(1))})
	if failure, ok := errors.AsType[*notes.Error](err); !ok || failure.Status != http.StatusPreconditionFailed {
		t.Errorf("changing what was changed meanwhile: %v", err)
	}

	_, err = c.CreateNote(ctx, notes.NoteInput{Title: "", Stars: new(int64(9))})
	failure, ok := errors.AsType[*notes.Error](err)
	if !ok || failure.Status != http.StatusUnprocessableEntity || len(failure.Fields) != 2 || failure.Fields[0].Field != "title" {
		t.Errorf("what is no note: %v, %+v", err, failure)
	}
	if err := c.DeleteNote(ctx, one.ID, notes.DeleteNoteParams{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetNote(ctx, one.ID, notes.GetNoteParams{}); err == nil {
		t.Error("a note that was deleted is there")
	}
}
