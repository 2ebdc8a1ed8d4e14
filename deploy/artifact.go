package deploy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Artifact is what a build made for one target: exact bytes, by digest.
type Artifact struct {
	MainModule    string   `json:"main_module,omitempty"` // "" when the Worker has assets only
	ServiceWorker bool     `json:"service_worker,omitempty"`
	Modules       []Module `json:"modules,omitempty"` // the main module first, source maps last
	Assets        []Asset  `json:"assets,omitempty"`  // sorted by Path
	// AssetConfig is metadata.assets.config: html_handling, not_found_handling,
	// run_worker_first, _headers, _redirects. nil without assets.
	AssetConfig json.RawMessage `json:"asset_config,omitempty"`
	AssetDir    string          `json:"-"`         // absolute; where the files of Assets are on this machine
	Size        int64           `json:"size"`      // bytes of all modules but source maps
	GzipSize    int64           `json:"gzip_size"` // the same, compressed
	Warnings    []string        `json:"-"`         // what the bundler warned of, for people
}

// Module is one part of an upload.
type Module struct {
	Name        string `json:"name"` // part name, file name and import specifier
	ContentType string `json:"content_type"`
	Digest      string `json:"digest"` // SHA-256, lower-case hex
	Size        int64  `json:"size"`
	Bytes       []byte `json:"-"`
}

// SourceMapType is the content type of source maps. Those that are uploaded count in the
// content digest of a version, as all modules do, and not in the size of an artifact.
const SourceMapType = "application/source-map"

// Asset is one static file. Hash is Cloudflare's (32 hex digits, as wrangler
// computes it); the file is read again when it is uploaded, and verified.
type Asset struct {
	Path        string `json:"path"` // "/index.html"
	Hash        string `json:"hash"`
	Size        int64  `json:"size"`
	ContentType string `json:"content_type,omitempty"`
	File        string `json:"file"` // slash-separated, relative to Artifact.AssetDir
}

// NewModule makes a module of b.
func NewModule(name, contentType string, b []byte) Module {
	return Module{Name: name, ContentType: contentType, Digest: Digest(b), Size: int64(len(b)), Bytes: b}
}

// Digest is the SHA-256 of b in lower-case hex, the address of b in Blobs.
func Digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Digest is the identity of the artifact's content: names, types and bytes of all
// modules, paths and hashes of all assets and their configuration. Where the files
// lie on this machine does not matter. It is also the address of a's JSON in Blobs.
func (a Artifact) Digest() string { return digestJSON(a) }

// digestJSON is the digest of v's JSON; v holds no type that cannot be marshalled.
func digestJSON(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("deploy: marshal %T: %v", v, err))
	}
	return Digest(raw)
}
