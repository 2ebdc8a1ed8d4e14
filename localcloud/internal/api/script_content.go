package api

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

// scriptContent gives the code back: a service worker as it is, modules as multipart.
func (c *call) scriptContent() (any, error) {
	var v store.Version
	err := c.store.Read(c.ctx, func(tx *store.Tx) error {
		s, err := c.script(tx)
		if err != nil {
			return err
		}
		if id := c.query.Get("version"); id != "" {
			v, err = c.versionOf(tx, s, id)
			return err
		}
		v, err = tx.LatestVersion(s.Account, s.Name)
		if errors.Is(err, store.ErrNotFound) {
			err = refuse(http.StatusNotFound, 10222, "This Worker has no versions.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if v.BodyPart != "" && !strings.HasSuffix(c.req.URL.Path, "/v2") {
		i := slices.IndexFunc(v.Modules, func(m store.Module) bool { return m.Name == v.BodyPart })
		return reply{write: func(w http.ResponseWriter) error {
			w.Header().Set("Content-Type", typeScript)
			w.Header().Set("Etag", v.Etag)
			return c.copyBlob(w, v.Modules[i].Blob)
		}}, nil
	}
	return reply{write: func(w http.ResponseWriter) error { return c.writeModules(w, v) }}, nil
}

func (c *call) writeModules(w http.ResponseWriter, v store.Version) error {
	parts := multipart.NewWriter(w)
	w.Header().Set("Content-Type", parts.FormDataContentType())
	w.Header().Set("Etag", v.Etag)
	w.Header().Set("cf-entrypoint", v.MainModule+v.BodyPart)
	for _, m := range v.Modules {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", multipart.FileContentDisposition(m.Name, m.Name))
		h.Set("Content-Type", m.ContentType)
		part, err := parts.CreatePart(h)
		if err != nil {
			return err
		}
		if err := c.copyBlob(part, m.Blob); err != nil {
			return err
		}
	}
	return parts.Close()
}

func (c *call) copyBlob(w io.Writer, digest string) error {
	f, err := c.store.Blobs.Open(digest)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
