package cloudflare

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pollEvery is the time between two questions whether an import or export is done.
const pollEvery = time.Second

// Imported is a finished import.
type Imported struct {
	FinalBookmark string    `json:"final_bookmark"`
	NumQueries    int       `json:"num_queries"`
	Meta          QueryMeta `json:"meta"`
}

// ExportOptions choose what an export contains; the zero value is everything.
type ExportOptions struct {
	NoSchema bool     `json:"no_schema,omitempty"`
	NoData   bool     `json:"no_data,omitempty"`
	Tables   []string `json:"tables,omitempty"` // only these
}

// Restored is a database put back to an earlier state.
type Restored struct {
	Bookmark         string `json:"bookmark"`
	PreviousBookmark string `json:"previous_bookmark"` // restoring this one undoes the restore
	Message          string `json:"message"`
}

// transfer is the state of an import or export.
type transfer[T any] struct {
	Status    string `json:"status"` // active, complete or error
	Error     string `json:"error"`
	Bookmark  string `json:"at_bookmark"`
	Filename  string `json:"filename"`   // import: what to ingest
	UploadURL string `json:"upload_url"` // import: "" when Cloudflare has the file already
	Result    *T     `json:"result"`
}

// finished reports whether there is nothing to wait for; err says how it went wrong.
func (t transfer[T]) finished() (bool, error) {
	switch {
	case t.Status == "complete" && t.Result != nil:
		return true, nil
	case t.Status == "error" || t.Error != "":
		return true, errors.New(t.Error)
	}
	return false, nil
}

// Import runs a file of SQL in a database. It waits until that is done; a failed import
// leaves the database as it was. Ending ctx stops the waiting, not the import.
func (c *Client) Import(ctx context.Context, account, database string, sql []byte) (Imported, error) {
	sum := md5.Sum(sql) // the API names files by it
	etag := hex.EncodeToString(sum[:])
	r := request{method: http.MethodPost, path: databasePath + "/import", args: []string{account, database}}
	ask := func(e effect, fields map[string]string) (transfer[Imported], error) {
		r.effect = e
		return call[transfer[Imported]](ctx, c, r.withJSON(fields))
	}
	state, err := ask(names, map[string]string{"action": "init", "etag": etag})
	if err != nil {
		return Imported{}, err
	}
	if state.UploadURL != "" {
		if err := c.uploadSQL(ctx, state.UploadURL, sql, etag); err != nil {
			return Imported{}, err
		}
		if state, err = ask(creates, map[string]string{"action": "ingest", "etag": etag, "filename": state.Filename}); err != nil {
			return Imported{}, err
		}
	}
	for {
		done, err := state.finished()
		if err != nil {
			return Imported{}, fmt.Errorf("import into D1 database %s: %w", database, err)
		}
		if done {
			return *state.Result, nil
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return Imported{}, fmt.Errorf("wait for the import into D1 database %s: %w", database, err)
		}
		if state, err = ask(reads, map[string]string{"action": "poll", "current_bookmark": state.Bookmark}); err != nil {
			return Imported{}, err
		}
	}
}

// uploadSQL puts the file where the API said, which is not the API and gets no token.
func (c *Client) uploadSQL(ctx context.Context, target string, sql []byte, etag string) error {
	a, err := c.do(ctx, request{
		method: http.MethodPut, path: "(where to upload the SQL file)", elsewhere: target, effect: names, bare: true,
		contentType: "application/octet-stream", body: sql,
	})
	if err != nil {
		return err
	}
	if got := strings.Trim(a.header.Get("Etag"), `"`); got != etag {
		return fmt.Errorf("upload the SQL file: what arrived has checksum %q, sent was %q", got, etag)
	}
	return nil
}

// Export writes a database as SQL to w. The database does not answer queries meanwhile.
func (c *Client) Export(ctx context.Context, account, database string, o ExportOptions, w io.Writer) error {
	type file struct {
		URL string `json:"signed_url"`
	}
	type body struct {
		Format   string        `json:"output_format"`
		Options  ExportOptions `json:"dump_options,omitzero"`
		Bookmark string        `json:"current_bookmark,omitempty"`
	}
	ask := body{Format: "polling"}
	if o.NoData || o.NoSchema || len(o.Tables) > 0 {
		ask.Options = o
	}
	for {
		state, err := call[transfer[file]](ctx, c, request{
			method: http.MethodPost, path: databasePath + "/export", args: []string{account, database}, effect: reads,
		}.withJSON(ask))
		if err != nil {
			return err
		}
		done, err := state.finished()
		if err != nil {
			return fmt.Errorf("export D1 database %s: %w", database, err)
		}
		if done {
			return c.download(ctx, state.Result.URL, w)
		}
		ask.Bookmark = state.Bookmark
		if err := sleep(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the export of D1 database %s: %w", database, err)
		}
	}
}

// download copies what target has, which is not the API and gets no token. An export
// can be larger than Options.MaxResponse, so it is not held in memory.
func (c *Client) download(ctx context.Context, target string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return fmt.Errorf("download the export: %w", withoutURL(err))
	}
	req.Header.Set("User-Agent", c.opts.UserAgent)
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("download the export: %w", withoutURL(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("download the export: HTTP %d", resp.StatusCode)
	}
	if _, err := io.Copy(w, resp.Body); err != nil {
		return fmt.Errorf("download the export: %w", err)
	}
	return nil
}

// Bookmark names the state of a database at a time, or its present state for the zero
// time.
func (c *Client) Bookmark(ctx context.Context, account, database string, at time.Time) (string, error) {
	q := url.Values{}
	if !at.IsZero() {
		q.Set("timestamp", at.UTC().Format(time.RFC3339Nano))
	}
	b, err := call[struct {
		Bookmark string `json:"bookmark"`
	}](ctx, c, request{method: http.MethodGet, path: databasePath + "/time_travel/bookmark", args: []string{account, database}, query: q, effect: reads})
	return b.Bookmark, err
}

// Restore puts a database back to the state that bookmark names. Queries that run are
// cancelled, and what was written since is gone unless it is restored in turn.
func (c *Client) Restore(ctx context.Context, account, database, bookmark string) (Restored, error) {
	return call[Restored](ctx, c, request{
		method: http.MethodPost, path: databasePath + "/time_travel/restore", args: []string{account, database},
		query: url.Values{"bookmark": {bookmark}}, effect: creates,
	})
}
