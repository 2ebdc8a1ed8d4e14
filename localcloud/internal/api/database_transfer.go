package api

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/tamylaa/clodo/internal/lazyregexp"
	"github.com/tamylaa/clodo/localcloud/internal/d1"
	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func transferEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: databasePath + "/import", Permissions: d1Write, handle: (*call).importDatabase},
		{Method: "POST", Pattern: databasePath + "/export", Permissions: d1Read, handle: (*call).exportDatabase},
	}
}

// jobPatience is how long an answer about a job waits for the job's end.
const jobPatience = time.Second

// maxImport is the size of the longest file that can be imported, 5 GB.
const maxImport = 5_000_000_000

var md5Hex = lazyregexp.New(`^[0-9a-f]{32}$`)

// jobAnswer is the result of a call about an import or an export.
type jobAnswer struct {
	Success   bool     `json:"success"`
	Type      string   `json:"type"`
	Status    string   `json:"status,omitempty"`
	Bookmark  string   `json:"at_bookmark,omitempty"`
	Messages  []string `json:"messages"`
	Error     string   `json:"error,omitempty"`
	Errors    []string `json:"errors,omitempty"`
	Filename  string   `json:"filename,omitempty"`
	UploadURL string   `json:"upload_url,omitempty"`
	Result    any      `json:"result,omitempty"`
}

func (c *call) importDatabase() (any, error) {
	var in struct {
		Action   string `json:"action"`
		Etag     string `json:"etag"`
		Filename string `json:"filename"`
		Bookmark string `json:"current_bookmark"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	d, db, err := c.openDatabase()
	if err != nil {
		return nil, err
	}
	filename := d.ID + "." + in.Etag + ".sql"
	switch {
	case in.Action == "poll":
		return c.imported(db.Job(d1.Import, in.Bookmark)), nil
	case in.Action != "init" && in.Action != "ingest":
		return nil, refuse(http.StatusBadRequest, 7400, "The action of an import is init, ingest or poll, not %q.", in.Action)
	case !md5Hex.MatchString(in.Etag):
		return nil, refuse(http.StatusBadRequest, 7400, "The etag has to be the MD5 of the file as 32 hex digits, got %q.", in.Etag)
	case c.parcels.uploaded(filename) != "" && (in.Action == "init" || in.Filename == filename):
		return c.ingest(db, filename)
	case in.Action == "init":
		token := c.parcels.add(parcel{filename: filename, etag: in.Etag, expires: c.now().Add(time.Hour)}, c.now())
		return jobAnswer{Success: true, Type: "import", Messages: []string{}, Filename: filename, UploadURL: c.local("/local/d1/uploads/" + token)}, nil
	}
	return nil, refuse(http.StatusBadRequest, 7400, "No file %q with the etag %s was uploaded.", in.Filename, in.Etag)
}

// local is the URL of a path of this cloud, as the caller reaches it.
func (c *call) local(path string) string { return "http://" + c.req.Host + path }

// ingest begins to import a file that is there; it is imported once.
func (c *call) ingest(db *d1.DB, filename string) (any, error) {
	path := c.parcels.take(filename)
	job, err := db.Import(c.ctx, func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		return removing{f}, err
	})
	if errors.Is(err, d1.ErrBusy) {
		return nil, errors.Join(refuse(http.StatusConflict, 7400, "Another import into this database is going on."), os.Remove(path))
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return c.imported(job), nil
}

// removing is a file that is removed when it is closed.
type removing struct{ *os.File }

func (f removing) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

// imported is the answer about an import, which may be nil.
func (c *call) imported(j *d1.Job) any {
	a := c.jobAnswer("import", j)
	if a.Status == "complete" {
		a.Result = map[string]any{"final_bookmark": j.Final, "num_queries": j.Queries, "meta": j.Meta}
	}
	return a.reply()
}

// jobAnswer tells how far a job is.
func (c *call) jobAnswer(kind string, j *d1.Job) jobAnswer {
	a := jobAnswer{Success: true, Type: kind, Messages: []string{}}
	switch {
	case j == nil:
		a.fail("Not currently " + kind + "ing anything.")
		return a
	case !j.Wait(c.ctx, jobPatience):
		a.Status = "active"
	case j.Err != nil:
		a.fail(j.Err.Error())
	default:
		a.Status = "complete"
	}
	a.Bookmark = j.Bookmark
	return a
}

func (a *jobAnswer) fail(message string) {
	a.Success, a.Status, a.Error, a.Errors = false, "error", message, []string{message}
}

func (a jobAnswer) reply() any {
	if a.Status == "active" {
		return reply{status: http.StatusAccepted, result: a}
	}
	return a
}

func (c *call) exportDatabase() (any, error) {
	var in struct {
		Format   string           `json:"output_format"`
		Bookmark string           `json:"current_bookmark"`
		Options  d1.ExportOptions `json:"dump_options"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Format != "polling" {
		return nil, refuse(http.StatusBadRequest, 7400, "The output_format of an export is polling, not %q.", in.Format)
	}
	d, db, err := c.openDatabase()
	if err != nil {
		return nil, err
	}
	var job *d1.Job
	if in.Bookmark != "" {
		job = db.Job(d1.Export, in.Bookmark)
	} else if job, err = c.export(db, d, in.Options); err != nil {
		return nil, err
	}
	a := c.jobAnswer("export", job)
	if a.Status == "complete" {
		token, t := c.parcels.exported(d.ID)
		a.Result = map[string]string{"filename": t.filename, "signed_url": c.local("/local/d1/exports/" + token)}
	}
	return a.reply(), nil
}

// export begins an export. Its file is kept for an hour, or until the next one.
func (c *call) export(db *d1.DB, d store.Database, o d1.ExportOptions) (*d1.Job, error) {
	t := parcel{filename: d.Name + "-" + c.now().Format("20060102T150405Z") + ".sql", database: d.ID, expires: c.now().Add(time.Hour), path: c.databases.Scratch()}
	job, err := db.Export(c.ctx, t.path, o)
	if errors.Is(err, d1.ErrBusy) {
		return nil, refuse(http.StatusConflict, 7400, "Another export of this database is going on.")
	}
	if err != nil {
		return nil, err
	}
	c.parcels.add(t, c.now())
	return job, nil
}

// Upload takes the file of an import. Whoever has the URL may: it cannot be guessed.
func (a *API) Upload(w http.ResponseWriter, req *http.Request) {
	w.Header().Set(Header, "1")
	t, ok := a.parcels.get(req.PathValue("token"), a.now())
	if !ok || t.etag == "" {
		http.Error(w, "This upload URL is not valid, or not any more.", http.StatusForbidden)
		return
	}
	path := a.databases.Scratch()
	sum, err := receive(path, http.MaxBytesReader(w, req.Body, maxImport))
	var size *http.MaxBytesError
	switch {
	case errors.As(err, &size):
		http.Error(w, "The file is larger than 5 GB.", http.StatusRequestEntityTooLarge)
	case err != nil:
		http.Error(w, "The file did not arrive: "+err.Error(), http.StatusBadRequest)
	case sum != t.etag:
		http.Error(w, "The file that arrived has the MD5 "+sum+", not "+t.etag+".", http.StatusBadRequest)
	default:
		a.parcels.keep(req.PathValue("token"), path)
		w.Header().Set("ETag", `"`+sum+`"`)
		w.WriteHeader(http.StatusOK)
		return
	}
	if e := os.Remove(path); e != nil {
		a.log.Error("an upload that failed was left over", "path", path, "error", e)
	}
}

// receive writes a new file and returns its MD5.
func receive(path string, in io.Reader) (string, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sum := md5.New()
	_, err = io.Copy(io.MultiWriter(f, sum), in)
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, f.Close())
}

// Download gives the file of an export to whoever has its URL.
func (a *API) Download(w http.ResponseWriter, req *http.Request) {
	w.Header().Set(Header, "1")
	t, ok := a.parcels.get(req.PathValue("token"), a.now())
	if !ok || t.database == "" {
		http.Error(w, "This download URL is not valid, or not any more.", http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/sql")
	w.Header().Set("Content-Disposition", `attachment; filename="`+t.filename+`"`)
	http.ServeFile(w, req, t.path)
}
