// Package files is a module that takes files: their content goes to R2, what is known
// about them to D1.
//
//	uploads := files.New(files.Options{DB: db, Bucket: r2.Open("FILES"), Auth: clodo.Authenticate(signIn.Bearer())})
//	data.Register(app, hooks, uploads.Module())
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo"
	"github.com/tamylaa/clodo/bindings/d1"
	"github.com/tamylaa/clodo/bindings/r2"
	"github.com/tamylaa/clodo/data"
)

// File is what is known about a file. Its content is the object of R2 that its id names.
type File struct {
	_           data.Table `data:"files"`
	ID          string     `data:"id,key,uuid"`
	Name        string     `data:"name,required,max=255"`
	ContentType string     `data:"content_type,required,max=100"`
	Size        int64      `data:"size,min=0"` // in bytes
	ETag        string     `data:"etag,required"`
	Owner       *string    `data:"owner,index"` // who sent it, when the request was signed
	CreatedAt   time.Time  `data:"created_at,created"`
}

// Stats are all files together.
type Stats struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Options are what the module needs.
type Options struct {
	DB     *d1.DB     // required
	Bucket *r2.Bucket // required
	// Auth lets requests through. Required: whoever may send files may fill the bucket.
	Auth clodo.Middleware
	// PublicRead lets everybody read: Auth is for sending and deleting alone.
	PublicRead bool
	// Path is where the module answers; default: /files.
	Path string
	// MaxSize is how many bytes a file may have; default: 25 MiB.
	MaxSize int64
	// Hooks run when files are made and deleted.
	Hooks *data.Hooks
}

// Files is the module.
type Files struct {
	options Options
	store   *data.Store[File]
}

// New prepares the module. It panics when something is missing.
func New(o Options) *Files {
	if o.DB == nil || o.Bucket == nil || o.Auth == nil {
		panic("files: Options.DB, Options.Bucket and Options.Auth are needed")
	}
	if o.Path == "" {
		o.Path = "/files"
	}
	if o.MaxSize <= 0 {
		o.MaxSize = 25 << 20
	}
	return &Files{o, data.NewStore(data.Define(data.Options[File]{}), o.DB, data.StoreOptions{Hooks: o.Hooks})}
}

// Store is what is known about the files.
func (f *Files) Store() *data.Store[File] { return f.store }

// Module is what is registered:
//
//	POST   /files?name=NAME     the body becomes a file, of the request's Content-Type
//	GET    /files               what is known about files, as [data.Resource] has it
//	GET    /files/stats         how many there are, and their bytes
//	GET    /files/{id}          what is known about one
//	GET    /files/{id}/content  its content, or a range of it
//	DELETE /files/{id}          deletes it
func (f *Files) Module() data.Module {
	return data.Module{Name: "files", Models: []*data.Schema{f.store.Model().Schema()}, Routes: func(app *clodo.Router) []*data.Endpoint {
		list := data.Resource(app, f.options.Path, f.store, data.ResourceOptions{Auth: f.options.Auth, PublicRead: f.options.PublicRead, ReadOnly: true})
		write := app.Group(f.options.Path, f.options.Auth)
		read := write
		if f.options.PublicRead {
			read = app.Group(f.options.Path)
		}
		app.Group("", f.options.Auth).Route("POST "+f.options.Path, f.upload)
		write.Route("DELETE /{id}", f.delete)
		read.Route("GET /stats", f.stats)
		read.Route("GET /{id}/content", f.content)
		return []*data.Endpoint{list}
	}}
}

func (f *Files) upload(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength < 0 {
		return clodo.Errorf(http.StatusLengthRequired, "length_required", "The size of the file has to be known: send Content-Length.")
	}
	if r.ContentLength > f.options.MaxSize {
		return &http.MaxBytesError{Limit: f.options.MaxSize}
	}
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/octet-stream"
	}
	if _, _, err := mime.ParseMediaType(kind); err != nil {
		return clodo.Errorf(http.StatusUnsupportedMediaType, "unsupported_media_type", "The Content-Type of the file is none.")
	}
	file, err := f.Put(r.Context(), r.URL.Query().Get("name"), kind, r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	w.Header().Set("Location", f.options.Path+"/"+file.ID)
	return f.answer(w, http.StatusCreated, &file)
}

// answer sends what is known about a file.
func (f *Files) answer(w http.ResponseWriter, status int, file *File) error {
	b := append([]byte(`{"success":true,"data":`), f.store.Model().AppendJSON(nil, file, f.store.Model().Schema().All())...)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '}')) // the client may be gone
	return nil
}

// Put stores a file of size bytes. Its owner is who signed the request of ctx.
func (f *Files) Put(ctx context.Context, name, contentType string, content io.Reader, size int64) (File, error) {
	file := File{ID: data.NewUUID(), Name: baseName(name), ContentType: contentType, Size: size}
	if id := clodo.IdentityOf(ctx); id != nil {
		file.Owner = &id.Subject
	}
	file.ETag = "-" // R2 says it
	if err := f.store.Model().Validate(&file); err != nil {
		return file, err // before the content is sent anywhere
	}
	counted := &counter{Reader: content}
	var body io.Reader = counted
	if size == 0 {
		body = nil
	}
	object, err := f.options.Bucket.Put(ctx, file.ID, body, r2.PutOptions{Size: size, HTTP: r2.HTTPMetadata{ContentType: contentType}})
	switch {
	case err != nil && counted.read < size && counted.err != nil:
		return file, &clodo.Problem{Status: http.StatusBadRequest, Code: "incomplete_body", Detail: "The body could not be read to its end.", Err: err}
	case err != nil:
		return file, fmt.Errorf("store a file: %w", err)
	}
	file.ETag, file.Size = object.ETag, object.Size
	made, err := f.store.Create(ctx, file)
	if err != nil {
		// Nothing leads to the content.
		f.remove(context.WithoutCancel(ctx), file.ID)
	}
	return made, err
}

// counter knows how much was read, and what ended it.
type counter struct {
	io.Reader
	read int64
	err  error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)
	if err != nil {
		c.err = err
	}
	return n, err
}

// baseName is a name without a path, as some browsers send one.
func baseName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
}

// remove deletes content that nothing leads to. When that fails the log is the only one
// who knows of it.
func (f *Files) remove(ctx context.Context, id string) {
	if err := f.options.Bucket.Delete(ctx, id); err != nil {
		slog.ErrorContext(ctx, "content without a file stays in the bucket", "id", id, "error", err)
	}
}

func (f *Files) delete(w http.ResponseWriter, r *http.Request) error {
	if err := f.Delete(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Delete deletes a file: first what is known about it, then its content.
func (f *Files) Delete(ctx context.Context, id string) error {
	if err := f.store.Delete(ctx, id); err != nil {
		return err
	}
	f.remove(context.WithoutCancel(ctx), strings.ToLower(id))
	return nil
}

func (f *Files) stats(w http.ResponseWriter, r *http.Request) error {
	s, err := f.Stats(r.Context())
	if err != nil {
		return err
	}
	return clodo.JSON(w, http.StatusOK, map[string]any{"success": true, "data": s})
}

// Stats counts the files; D1 reads all their rows for it.
func (f *Files) Stats(ctx context.Context) (s Stats, err error) {
	err = f.options.DB.Prepare("SELECT count(*), coalesce(sum(size), 0) FROM files").First(ctx, &s.Count, &s.Bytes)
	return s, err
}

// content sends the content. Of all types but a few it is an attachment, and never a
// page of this service: a file could be a script of whoever sent it.
func (f *Files) content(w http.ResponseWriter, r *http.Request) error {
	file, err := f.store.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Disposition", disposition(&file))
	etag := `"` + file.ETag + `"`
	if clodo.NotModified(w, r, etag) {
		return nil
	}
	part, ok := parseRange(r.Header.Get("Range"), file.Size)
	if condition := r.Header.Get("If-Range"); condition != "" && condition != etag {
		part, ok = r2.Range{}, true
	}
	if !ok {
		h.Set("Content-Range", fmt.Sprintf("bytes */%d", file.Size))
		return clodo.Errorf(http.StatusRequestedRangeNotSatisfiable, "range", "The file has %d bytes.", file.Size)
	}
	status, length := http.StatusOK, file.Size
	if part != (r2.Range{}) {
		status, length = http.StatusPartialContent, part.Length
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.Offset, part.Offset+part.Length-1, file.Size))
	}
	h.Set("Content-Type", file.ContentType)
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	if r.Method == http.MethodHead || length == 0 {
		w.WriteHeader(status)
		return nil
	}
	content, err := f.options.Bucket.Get(r.Context(), file.ID, r2.GetOptions{Range: part})
	if err != nil {
		for _, name := range []string{"Content-Range", "Content-Disposition", "Etag", "Accept-Ranges"} {
			h.Del(name)
		}
		return fmt.Errorf("read the content of file %s: %w", file.ID, err)
	}
	defer content.Body.Close()
	w.WriteHeader(status)
	if _, err := io.Copy(w, content.Body); err != nil && !errors.Is(err, context.Canceled) {
		slog.WarnContext(r.Context(), "a file was not sent to its end", "id", file.ID, "error", err)
		panic(http.ErrAbortHandler) // so that the client sees it
	}
	return nil
}

// inline are the types that a browser may show by itself: none of them can hold a script.
var inline = []string{"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "text/plain", "audio/mpeg", "video/mp4"}

func disposition(f *File) string {
	how := "attachment"
	kind, _, _ := mime.ParseMediaType(f.ContentType)
	for _, safe := range inline {
		if kind == safe {
			how = "inline"
		}
	}
	return mime.FormatMediaType(how, map[string]string{"filename": f.Name})
}

// parseRange reads a Range with one range; several, or another unit, are the whole. ok is
// false when it begins behind the end.
func parseRange(header string, size int64) (part r2.Range, ok bool) {
	text, isBytes := strings.CutPrefix(header, "bytes=")
	first, last, isRange := strings.Cut(text, "-")
	if !isBytes || !isRange || strings.Contains(text, ",") {
		return r2.Range{}, true
	}
	if first == "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			return r2.Range{}, true
		}
		length := min(int64(n), size)
		return r2.Range{Offset: size - length, Length: length}, length > 0
	}
	start, err := strconv.ParseUint(first, 10, 63)
	if err != nil {
		return r2.Range{}, true
	}
	end := uint64(size - 1)
	if last != "" {
		if end, err = strconv.ParseUint(last, 10, 63); err != nil || end < start {
			return r2.Range{}, true
		}
	}
	if start >= uint64(size) {
		return r2.Range{}, false
	}
	return r2.Range{Offset: int64(start), Length: int64(min(end, uint64(size-1))-start) + 1}, true
}
