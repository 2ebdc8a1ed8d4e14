package cloudflare

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
)

// AssetEntry is one static file of a manifest. Hash is 32 hexadecimal digits.
type AssetEntry struct {
	Hash string `json:"hash"`
	Size int64  `json:"size"` // bytes
}

// AssetSession is what Cloudflare wants of a manifest: the files it does not have yet,
// by hash, in the groups in which it wants them.
type AssetSession struct {
	// JWT authorises UploadAssets. Without Buckets there is nothing to upload and it
	// is the completion ticket already.
	JWT     Secret     `json:"jwt"`
	Buckets [][]string `json:"buckets"`
}

// AssetFile is a static file on its way.
type AssetFile struct {
	Hash        string
	ContentType string // "" when unknown
	Content     []byte
}

// StartAssets begins the upload of a Worker's static files. The manifest maps their
// paths, which start with a slash. Beginning again does no harm.
func (c *Client) StartAssets(ctx context.Context, account, script string, manifest map[string]AssetEntry) (AssetSession, error) {
	body := struct {
		Manifest map[string]AssetEntry `json:"manifest"`
	}{manifest}
	return call[AssetSession](ctx, c, request{
		method: http.MethodPost, path: scriptPath + "/assets-upload-session", args: []string{account, script}, effect: names,
	}.withJSON(body))
}

// UploadAssets uploads one bucket of a session. The answer to the last bucket carries
// the completion ticket for Metadata.Assets; before that it is zero. Files are known
// by their hash, so it is repeated although it is a POST.
func (c *Client) UploadAssets(ctx context.Context, account string, session AssetSession, files []AssetFile) (completion Secret, err error) {
	parts := make([]Module, len(files))
	for i, f := range files {
		contentType := f.ContentType
		if contentType == "" {
			contentType = "application/null" // serve it without a content type
		}
		parts[i] = Module{Name: f.Hash, ContentType: contentType, Content: base64.StdEncoding.AppendEncode(nil, f.Content)}
	}
	r := request{
		method: http.MethodPost, path: "/accounts/{account_id}/workers/assets/upload", args: []string{account}, effect: names,
		query: url.Values{"base64": {"true"}}, auth: &session.JWT,
	}
	if r.contentType, r.body, err = multipartBody(parts); err != nil {
		return Secret{}, err
	}
	done, err := call[struct {
		JWT Secret `json:"jwt"`
	}](ctx, c, r)
	return done.JWT, err
}
