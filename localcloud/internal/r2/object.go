package r2

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/tamylaa/clodo/internal/sqlite"
)

// Cloudflare's limits.
const (
	MaxKey      = 1024          // bytes
	MaxMetadata = 8192          // bytes of all metadata together
	MaxUpload   = 5<<30 - 5<<20 // bytes of one put or part
	MaxObject   = 5<<40 - 5<<30 // bytes of all parts together
	MinPart     = 5 << 20       // bytes of every part but the last
	MaxParts    = 10_000        // and the highest part number
	MaxList     = 1000          // objects and prefixes of one page
	MaxDelete   = 1000          // keys of one call
)

// The storage classes.
const (
	Standard         = "Standard"
	InfrequentAccess = "InfrequentAccess"
)

// HTTPMetadata are headers that an object is served with. CacheExpiry is in Unix
// milliseconds, nil when not given.
type HTTPMetadata struct {
	ContentType        string `json:"contentType,omitempty"`
	ContentLanguage    string `json:"contentLanguage,omitempty"`
	ContentDisposition string `json:"contentDisposition,omitempty"`
	ContentEncoding    string `json:"contentEncoding,omitempty"`
	CacheControl       string `json:"cacheControl,omitempty"`
	CacheExpiry        *int64 `json:"cacheExpiry,omitempty"`
}

// Field is one piece of custom metadata.
type Field struct {
	Key   string `json:"k"`
	Value string `json:"v"`
}

// Checksums are of an object's whole content, in hex; "" when not known.
type Checksums struct {
	MD5    string `json:"0,omitempty"`
	SHA1   string `json:"1,omitempty"`
	SHA256 string `json:"2,omitempty"`
	SHA384 string `json:"3,omitempty"`
	SHA512 string `json:"4,omitempty"`
}

// Object is what R2 knows of an object besides its content.
type Object struct {
	Key       string
	Version   string // 32 hex, new with every put
	Size      int64
	ETag      string
	Uploaded  time.Time // UTC, in milliseconds
	Class     string
	Checksums Checksums
	HTTP      HTTPMetadata
	Custom    []Field
	KeyMD5    string // of the customer's key, in hex; "" for an object without one
}

// Settings are what a put and a multipart upload give an object.
type Settings struct {
	HTTP   HTTPMetadata
	Custom []Field
	Class  string // "" is Standard
	Secret []byte // the customer's key, 32 bytes, or nil
}

func (s *Settings) check() error {
	h := s.HTTP
	size := len(h.ContentType) + len(h.ContentLanguage) + len(h.ContentDisposition) + len(h.ContentEncoding) + len(h.CacheControl)
	for _, f := range s.Custom {
		size += len(f.Key) + len(f.Value)
	}
	if size > MaxMetadata {
		return ErrMetadataTooLarge
	}
	switch s.Class {
	case "":
		s.Class = Standard
	case Standard, InfrequentAccess:
	default:
		return invalid("The storage class is %s or %s, not %q.", Standard, InfrequentAccess, s.Class)
	}
	return checkSecret(s.Secret)
}

func checkKey(key string) error {
	if key == "" || len(key) > MaxKey {
		return ErrInvalidObjectName
	}
	return nil
}

// headColumns are those that scanObject reads.
const headColumns = "key, version, size, etag, uploaded, class, checksums, http, custom, secret_md5"

// columnsOfHead counts headColumns.
const columnsOfHead = 10

func scanObject(row *sqlite.Stmt) (Object, error) {
	o := Object{
		Key: string(sqlite.Bytes(row, 0)), Version: row.ColumnText(1), Size: row.ColumnInt64(2), ETag: row.ColumnText(3),
		Uploaded: time.UnixMilli(row.ColumnInt64(4)).UTC(), Class: row.ColumnText(5), KeyMD5: row.ColumnText(9),
	}
	for i, into := range []any{&o.Checksums, &o.HTTP, &o.Custom} {
		text := row.ColumnText(6 + i)
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return o, fmt.Errorf("reading what is kept of object %q: %w", o.Key, err)
		}
	}
	return o, nil
}

// encoded is a value as its column holds it; "" when there is nothing in it.
func encoded(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	if text := string(b); text != "{}" && text != "null" && text != "[]" {
		return text, nil
	}
	return "", nil
}
