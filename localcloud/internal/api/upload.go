package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// upload is what a client hands over as a new version: the metadata and the files.
type upload struct {
	meta    metadata
	modules []store.Module
}

// metadata is the JSON part of an upload. What is not here is ignored.
type metadata struct {
	MainModule         string            `json:"main_module"`
	BodyPart           string            `json:"body_part"`
	Bindings           []json.RawMessage `json:"bindings"`
	CompatibilityDate  string            `json:"compatibility_date"`
	CompatibilityFlags []string          `json:"compatibility_flags"`
	Migrations         *migrations       `json:"migrations"`
	Exports            json.RawMessage   `json:"exports"`
	Assets             *assetsMetadata   `json:"assets"`
	KeepAssets         bool              `json:"keep_assets"`
	KeepBindings       []string          `json:"keep_bindings"`
	Observability      json.RawMessage   `json:"observability"`
	Placement          json.RawMessage   `json:"placement"`
	TailConsumers      json.RawMessage   `json:"tail_consumers"`
	Limits             json.RawMessage   `json:"limits"`
	Logpush            *bool             `json:"logpush"`
	Tags               []string          `json:"tags"`
	UsageModel         string            `json:"usage_model"`
	Annotations        map[string]string `json:"annotations"`
}

type assetsMetadata struct {
	JWT    string          `json:"jwt"`
	Config json.RawMessage `json:"config"`
}

const (
	typeModule     = "application/javascript+module"
	typeScript     = "application/javascript"
	maxMetadata    = 1 << 20
	maxModules     = 10_000
	maxModuleName  = 1024
	maxMessage     = 1000
	maxTag         = 100
	sourceMap      = "application/source-map"
	workerBodyName = "worker.js"
)

// parseUpload reads an upload of either form: multipart with one metadata part and
// a part for each module, or a bare service-worker script. The modules have at most so
// many bytes together. keep stores the bytes of a module and answers their digest and
// size.
func parseUpload(contentType string, body io.Reader, most int64, keep func(io.Reader) (string, int64, error)) (upload, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return upload{}, refuse(http.StatusBadRequest, 10001, "The upload's Content-Type %q is not readable.", contentType)
	}
	switch mediaType {
	case "multipart/form-data":
		if params["boundary"] == "" {
			return upload{}, refuse(http.StatusBadRequest, 10001, "The upload's Content-Type %q names no boundary.", contentType)
		}
		return parseMultipart(multipart.NewReader(body, params["boundary"]), most, keep)
	case typeScript, "text/javascript":
		digest, size, err := keep(io.LimitReader(body, most+1))
		if err != nil {
			return upload{}, unreadable(err)
		}
		if err := checkWorkerSize(size, most); err != nil {
			return upload{}, err
		}
		return upload{
			meta:    metadata{BodyPart: workerBodyName},
			modules: []store.Module{{Name: workerBodyName, ContentType: typeScript, Blob: digest, Size: size}},
		}, nil
	}
	return upload{}, refuse(http.StatusUnsupportedMediaType, 10001, "An upload is multipart/form-data or %s, not %q.", typeScript, mediaType)
}

func parseMultipart(parts *multipart.Reader, most int64, keep func(io.Reader) (string, int64, error)) (upload, error) {
	var u upload
	var total int64
	var names []string // of the parts of u.modules
	seenMetadata := false
	for {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return u, unreadable(err)
		}
		name, partName := partNames(part)
		if partName == "metadata" {
			if seenMetadata {
				return u, refuse(http.StatusBadRequest, 10006, "The upload has two parts named metadata.")
			}
			seenMetadata = true
			if err := readMetadata(part, &u.meta); err != nil {
				return u, err
			}
			continue
		}
		if len(u.modules) == maxModules {
			return u, refuse(http.StatusBadRequest, 10027, "The upload has more than %d modules.", maxModules)
		}
		m, err := readModule(part, name, total, most, keep)
		if err != nil {
			return u, err
		}
		if u.has(m.Name) {
			return u, refuse(http.StatusBadRequest, 10021, "Module %q is in the upload twice.", m.Name)
		}
		total += m.Size
		u.modules = append(u.modules, m)
		names = append(names, partName)
	}
	if u.meta.BodyPart != "" { // its bindings find their parts by the parts' own names
		for i, name := range names {
			u.modules[i].Name = cmp.Or(name, u.modules[i].Name)
		}
	}
	if !seenMetadata {
		return u, refuse(http.StatusBadRequest, 10006, "The upload has no part named metadata.")
	}
	return u, u.check()
}

// unreadable says why an upload could not be taken: it is too large, it broke off,
// or this machine could not write it down.
func unreadable(err error) error {
	var size *http.MaxBytesError
	var file *fs.PathError
	switch {
	case errors.As(err, &size):
		return refuse(http.StatusRequestEntityTooLarge, 10027, "Your Worker exceeded the size limit of %d MiB.", maxWorker>>20)
	case errors.As(err, &file):
		return err
	}
	why := err.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "it ends before its last boundary"
	}
	return refuse(http.StatusBadRequest, 10006, "The multipart body of the upload is not readable: %s.", why)
}

// partNames is the module's name, which is the file name with its folders, else the
// name of the part, and that. (Part.FileName would cut the folders off.)
func partNames(part *multipart.Part) (module, name string) {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return "", ""
	}
	if f := params["filename"]; f != "" {
		return f, params["name"]
	}
	return params["name"], params["name"]
}

func readMetadata(r io.Reader, into *metadata) error {
	b, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return unreadable(err)
	}
	if len(b) > maxMetadata {
		return refuse(http.StatusBadRequest, 10027, "The metadata of the upload has more than %d bytes.", maxMetadata)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return refuse(http.StatusBadRequest, 10026, "The metadata of the upload is not the JSON that was expected: %s.", NotJSON(err))
	}
	return nil
}

func readModule(part *multipart.Part, name string, before, most int64, keep func(io.Reader) (string, int64, error)) (store.Module, error) {
	if err := checkModuleName(name); err != nil {
		return store.Module{}, err
	}
	digest, size, err := keep(io.LimitReader(part, most-before+1))
	if err != nil {
		return store.Module{}, unreadable(err)
	}
	if err := checkWorkerSize(before+size, most); err != nil {
		return store.Module{}, err
	}
	return store.Module{Name: name, ContentType: moduleType(part.Header.Get("Content-Type"), name), Blob: digest, Size: size}, nil
}

func checkModuleName(name string) error {
	if name == "" || len(name) > maxModuleName || strings.ContainsRune(name, 0) {
		return refuse(http.StatusBadRequest, 10006, "A part of the upload has no usable name: %q.", name)
	}
	if inside := path.Clean(name); path.IsAbs(inside) || inside == ".." || strings.HasPrefix(inside, "../") {
		return refuse(http.StatusBadRequest, 10006, "A part of the upload has no usable name: %q leads out of the Worker.", name)
	}
	return nil
}

func checkWorkerSize(size, most int64) error {
	if size > most {
		return refuse(http.StatusBadRequest, 10027, "Your Worker exceeded the size limit of %g MiB.", float64(most)/(1<<20))
	}
	return nil
}

// moduleType is the part's type without parameters; a part without one is judged
// by its name.
func moduleType(contentType, name string) string {
	t, _, err := mime.ParseMediaType(contentType)
	if err != nil || t == "" {
		switch path.Ext(name) {
		case ".js", ".mjs":
			return typeModule
		case ".cjs":
			return typeScript
		case ".wasm":
			return "application/wasm"
		case ".txt", ".html", ".sql", ".css":
			return "text/plain"
		case ".map":
			return sourceMap
		}
		return "application/octet-stream"
	}
	return strings.Replace(t, "text/javascript", "application/javascript", 1)
}

// check holds for every version, whatever it is bound to.
func (u *upload) check() error {
	m := &u.meta
	switch {
	case m.MainModule != "" && m.BodyPart != "":
		return refuse(http.StatusBadRequest, 10021, "The upload names both a main_module and a body_part; a Worker has one of them.")
	case m.MainModule == "" && m.BodyPart == "" && m.Assets == nil && !m.KeepAssets:
		return refuse(http.StatusBadRequest, 10021, "The upload names neither a main_module nor a body_part, and has no assets.")
	case given(m.Exports) && string(m.Exports) != "{}":
		return refuse(http.StatusNotImplemented, 10021, "The upload has exports: the local cloud does not know them yet. Use migrations.")
	}
	for _, want := range []string{m.MainModule, m.BodyPart} {
		if want != "" && !u.has(want) {
			return refuse(http.StatusBadRequest, 10021, "No such module %q: the upload has no part of that name.", want)
		}
	}
	if err := checkRules(m.Limits, m.Placement, m.Observability); err != nil {
		return err
	}
	return checkAnnotations(m.Annotations)
}

// checkAnnotations cuts a long message and refuses a long tag, as Cloudflare does.
func checkAnnotations(a map[string]string) error {
	if tag := a["workers/tag"]; len(tag) > maxTag {
		return refuse(http.StatusBadRequest, 100102, "The tag has %d bytes, more than %d.", len(tag), maxTag)
	}
	if msg := a["workers/message"]; len(msg) > maxMessage {
		a["workers/message"] = strings.ToValidUTF8(msg[:maxMessage], "")
	}
	return nil
}

func (u *upload) has(module string) bool {
	return slices.ContainsFunc(u.modules, func(m store.Module) bool { return m.Name == module })
}

// code is the modules that make the Worker run, without source maps.
func (u *upload) code() []store.Module {
	return slices.DeleteFunc(slices.Clone(u.modules), func(m store.Module) bool { return m.ContentType == sourceMap })
}

// readUpload reads the request of a script or version upload.
func (c *call) readUpload() (upload, error) {
	u, err := parseUpload(c.req.Header.Get("Content-Type"), c.req.Body, c.limits.WorkerSize, c.store.Blobs.Write)
	if err != nil {
		return u, fmt.Errorf("reading the upload: %w", err)
	}
	return u, nil
}
