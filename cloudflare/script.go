package cloudflare

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
)

// Scripts lists the Workers of an account; Cloudflare gives them in one piece.
func (c *Client) Scripts(ctx context.Context, account string) ([]Script, error) {
	return call[[]Script](ctx, c, request{method: http.MethodGet, path: "/accounts/{account_id}/workers/scripts", args: []string{account}, effect: reads})
}

// DeleteOptions say how a Worker is removed.
type DeleteOptions struct {
	// Force removes it though other Workers are bound to it, with the data of its
	// durable objects.
	Force bool
}

// DeleteScript removes a Worker and all its versions.
func (c *Client) DeleteScript(ctx context.Context, account, script string, o DeleteOptions) error {
	q := url.Values{}
	if o.Force {
		q.Set("force", "true")
	}
	return c.run(ctx, request{method: http.MethodDelete, path: scriptPath, args: []string{account, script}, query: q, effect: names})
}

// ScriptContent reads the modules of the version that was uploaded last.
func (c *Client) ScriptContent(ctx context.Context, account, script string) ([]Module, error) {
	r := request{method: http.MethodGet, path: scriptPath + "/content/v2", args: []string{account, script}, effect: reads, bare: true}
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	modules, err := readModules(a.header.Get("Content-Type"), a.result)
	if err != nil {
		return nil, fmt.Errorf("read the modules of %q: %w", script, err)
	}
	return modules, nil
}

// readModules takes a multipart answer apart; any other is one module without a name.
func readModules(contentType string, body []byte) ([]Module, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, fmt.Errorf("read content type %q: %w", contentType, err)
	}
	if kind != "multipart/form-data" {
		return []Module{{ContentType: contentType, Content: body}}, nil
	}
	var modules []Module
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return modules, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		modules = append(modules, Module{Name: p.FormName(), ContentType: p.Header.Get("Content-Type"), Content: content})
	}
}
