package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/store"
)

func assetEndpoints() []Endpoint {
	return []Endpoint{
		{Method: "POST", Pattern: scriptPath + "/assets-upload-session", Permissions: scriptsWrite, handle: (*call).openAssetsUpload},
		{Method: "POST", Pattern: accountPath + "/workers/assets/upload", handle: (*call).uploadAssets, open: true, body: maxAssetsUpload},
	}
}

// Limits of static assets.
const (
	maxAssets     = 100_000
	maxAssetSize  = 25 << 20
	bucketFiles   = 500
	bucketBytes   = 40 << 20
	sessionLasts  = time.Hour
	settingJWTKey = "jwt_key"
)

// ticket is what an upload session's token says: its session, and whether all
// files are there so that a version may use them.
type ticket struct {
	Session  string `json:"session"`
	Complete bool   `json:"complete"`
	Issued   int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// signingKey is the key of this cloud's upload tokens, made at its first start.
func signingKey(ctx context.Context, s *store.Store) ([]byte, error) {
	var key []byte
	err := s.Write(ctx, func(tx *store.Tx) error {
		err := tx.Setting(settingJWTKey, &key)
		if errors.Is(err, store.ErrNotFound) {
			key = make([]byte, 32)
			_, _ = rand.Read(key) // never fails
			err = tx.PutSetting(settingJWTKey, key)
		}
		return err
	})
	return key, err
}

// sign makes a JWT, because clients read its expiry.
func (a *API) sign(session string, complete bool) (string, error) {
	t := ticket{Session: session, Complete: complete, Issued: time.Now().Unix(), Expires: time.Now().Add(sessionLasts).Unix()}
	b, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(b)
	return text + "." + base64.RawURLEncoding.EncodeToString(a.signature(text)), nil
}

func (a *API) signature(text string) []byte {
	h := hmac.New(sha256.New, a.jwtKey)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (a *API) openTicket(jwt string) (ticket, bool) {
	var t ticket
	i := strings.LastIndexByte(jwt, '.')
	if i < 0 {
		return t, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(jwt[i+1:])
	if err != nil || !hmac.Equal(sum, a.signature(jwt[:i])) {
		return t, false
	}
	_, payload, _ := strings.Cut(jwt[:i], ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(b, &t) != nil || time.Now().Unix() >= t.Expires {
		return t, false
	}
	return t, true
}

// openAssetsUpload tells a client which of its files are not here yet.
func (c *call) openAssetsUpload() (any, error) {
	var in struct {
		Manifest map[string]store.ManifestEntry `json:"manifest"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if len(in.Manifest) > maxAssets {
		return nil, refuse(http.StatusBadRequest, 10304, "The manifest has %d files, more than %d.", len(in.Manifest), maxAssets)
	}
	for _, name := range sortedNames(in.Manifest) {
		switch f := in.Manifest[name]; {
		case !strings.HasPrefix(name, "/") || path.Clean(name) != name && path.Clean(name)+"/" != name:
			return nil, refuse(http.StatusBadRequest, 10304, "The manifest has the path %q, which is not clean or does not start with a slash.", name)
		case !hex32.MatchString(f.Hash):
			return nil, refuse(http.StatusBadRequest, 10304, "The hash of %q must be 32 hex digits, got %q.", name, f.Hash)
		case f.Size < 0 || f.Size > maxAssetSize:
			return nil, refuse(http.StatusBadRequest, 10304, "File %q has %d bytes, more than %d MiB.", name, f.Size, maxAssetSize>>20)
		}
	}
	session := store.AssetUpload{ID: newUUID(), Account: c.account.ID, Script: c.scriptName(), Manifest: in.Manifest, CreatedOn: c.now()}
	var buckets [][]string
	err := c.store.Write(c.ctx, func(tx *store.Tx) error {
		absent, err := absentFiles(tx, session)
		buckets = fill(absent, in.Manifest)
		return errors.Join(err, tx.AddAssetUpload(session))
	})
	if err != nil {
		return nil, err
	}
	jwt, err := c.sign(session.ID, len(buckets) == 0)
	return map[string]any{"jwt": jwt, "buckets": buckets}, err
}

// absentFiles are the hashes of a session whose bytes the account does not have.
func absentFiles(tx *store.Tx, s store.AssetUpload) ([]string, error) {
	var absent []string
	for _, name := range sortedNames(s.Manifest) {
		hash := s.Manifest[name].Hash
		_, err := tx.AssetFile(s.Account, hash)
		if errors.Is(err, store.ErrNotFound) {
			absent = append(absent, hash)
		} else if err != nil {
			return nil, err
		}
	}
	slices.Sort(absent)
	return slices.Compact(absent), nil
}

// fill sorts files into buckets that one request can carry.
func fill(hashes []string, manifest map[string]store.ManifestEntry) [][]string {
	sizes := map[string]int64{}
	for _, f := range manifest {
		sizes[f.Hash] = f.Size
	}
	buckets := [][]string{}
	var size int64
	for _, h := range hashes {
		last := len(buckets) - 1
		if last < 0 || len(buckets[last]) == bucketFiles || size+sizes[h] > bucketBytes {
			buckets, size, last = append(buckets, nil), 0, last+1
		}
		buckets[last] = append(buckets[last], h)
		size += sizes[h]
	}
	return buckets
}

// uploadAssets takes files in base64; its bearer token is the session's.
func (c *call) uploadAssets() (any, error) {
	jwt, err := bearer(c.req)
	if err != nil {
		return nil, err
	}
	t, ok := c.openTicket(jwt)
	if !ok {
		return nil, refuse(http.StatusUnauthorized, 10000, "The token of this upload session is not one of this cloud, or it has expired.")
	}
	var session store.AssetUpload
	if err := c.store.Read(c.ctx, func(tx *store.Tx) (err error) {
		session, err = tx.AssetUpload(t.Session)
		return err
	}); err != nil || session.Account != c.vars["account_id"] {
		return nil, refuse(http.StatusForbidden, 10000, "This upload session is not one of account %q.", c.vars["account_id"])
	}
	if c.query.Get("base64") != "true" {
		return nil, refuse(http.StatusBadRequest, 10004, "Assets are uploaded with base64=true.")
	}
	files, err := c.readAssets(session)
	if err != nil {
		return nil, err
	}
	left := 0
	err = c.store.Write(c.ctx, func(tx *store.Tx) error {
		for _, f := range files {
			if err := tx.PutAssetFile(f); err != nil {
				return err
			}
		}
		absent, err := absentFiles(tx, session)
		left = len(absent)
		return err
	})
	if err != nil {
		return nil, err
	}
	if left > 0 {
		return reply{status: http.StatusAccepted, result: map[string]any{}}, nil
	}
	done, err := c.sign(session.ID, true)
	return reply{status: http.StatusCreated, result: map[string]string{"jwt": done}}, err
}

func (c *call) readAssets(session store.AssetUpload) ([]store.AssetFile, error) {
	announced := map[string]int64{}
	for _, f := range session.Manifest {
		announced[f.Hash] = f.Size
	}
	parts, err := c.req.MultipartReader()
	if err != nil {
		return nil, refuse(http.StatusBadRequest, 10006, "Assets are uploaded as multipart/form-data: %s.", err)
	}
	var files []store.AssetFile
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			return files, nil
		}
		if err != nil {
			return nil, unreadable(err)
		}
		f, err := c.readAsset(part, announced)
		if err != nil {
			return nil, err
		}
		f.Account = session.Account
		files = append(files, f)
	}
}

func (c *call) readAsset(part *multipart.Part, announced map[string]int64) (store.AssetFile, error) {
	hash := part.FormName()
	size, ok := announced[hash]
	if !ok {
		return store.AssetFile{}, refuse(http.StatusBadRequest, 10304, "File %q is not in the manifest of this upload session.", hash)
	}
	digest, n, err := c.store.Blobs.Write(base64.NewDecoder(base64.StdEncoding, io.LimitReader(part, maxAssetSize/3*4+8)))
	var corrupt base64.CorruptInputError
	switch {
	case errors.As(err, &corrupt):
		return store.AssetFile{}, refuse(http.StatusBadRequest, 10304, "File %q is not base64.", hash)
	case err != nil:
		return store.AssetFile{}, unreadable(err)
	case n != size:
		return store.AssetFile{}, refuse(http.StatusBadRequest, 10304, "File %q has %d bytes; the manifest says %d.", hash, n, size)
	}
	kind := part.Header.Get("Content-Type")
	if kind == "application/null" { // wrangler's word for "unknown"
		kind = ""
	}
	return store.AssetFile{Hash: hash, Asset: store.Asset{Blob: digest, ContentType: kind, Size: n}}, nil
}

// takeAssets gives a draft the files of a finished session, or those of the version
// before it.
func (c *call) takeAssets(tx *store.Tx, d *draft, m metadata) error {
	if m.Assets == nil {
		if m.KeepAssets && d.latest != nil {
			d.version.Assets = d.latest.Assets
		}
		return nil
	}
	if m.Assets.JWT == "" {
		if !m.KeepAssets || d.latest == nil || d.latest.Assets == nil {
			return refuse(http.StatusBadRequest, 10305, "The metadata has assets, but no completion token (jwt) for them.")
		}
		d.version.Assets = &store.Assets{Files: d.latest.Assets.Files, Config: m.Assets.Config}
		return nil
	}
	t, ok := c.openTicket(m.Assets.JWT)
	if !ok || !t.Complete {
		return refuse(http.StatusBadRequest, 10305, "The completion token of the assets is not one of this cloud, has expired, or its session is not complete.")
	}
	session, err := tx.AssetUpload(t.Session)
	if err != nil || session.Account != c.account.ID {
		return missing(errors.Join(err, store.ErrNotFound), 10305, "The upload session of the assets is unknown.")
	}
	files := map[string]store.Asset{}
	for name, entry := range session.Manifest {
		f, err := tx.AssetFile(session.Account, entry.Hash)
		if err != nil {
			return missing(err, 10305, "The bytes of asset %q were not uploaded.", name)
		}
		files[name] = f.Asset
	}
	d.version.Assets = &store.Assets{Files: files, Config: m.Assets.Config}
	return nil
}
