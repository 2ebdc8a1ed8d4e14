//go:build !js

package d1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/jsonwire"
)

const kind = "d1"

// sessionHeader carries a session's constraint or bookmark, both ways.
const sessionHeader = "X-Cf-D1-Session-Commit-Token"

// send asks D1 in the protocol that workerd's binding speaks.
func (d *DB) send(ctx context.Context, op, session string, call []byte) (answer []byte, bookmark string, err error) {
	to := &url.URL{Path: "/query", RawQuery: "resultsFormat=ROWS_AND_COLUMNS"}
	if op == run {
		to = &url.URL{Path: "/execute", RawQuery: "resultsFormat=NONE"}
	}
	return d.post(ctx, to, session, call)
}

func (d *DB) post(ctx context.Context, to *url.URL, session string, call []byte) (answer []byte, bookmark string, err error) {
	r := &http.Request{
		Method: http.MethodPost, URL: to, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(call)), ContentLength: int64(len(call)),
	}
	if session != "" {
		r.Header.Set(sessionHeader, session)
	}
	res, err := host.Send(ctx, kind, d.binding, r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	if answer, err = io.ReadAll(res.Body); err != nil {
		return nil, "", fmt.Errorf("%s: reading the answer of D1: %w", d.binding, err)
	}
	return answer, res.Header.Get(sessionHeader), nil
}

// exec sends the lines of a text, as D1's binding does.
func (d *DB) exec(ctx context.Context, sql string) (result ExecResult, err error) {
	lines := strings.Split(strings.TrimSpace(sql), "\n")
	call := []byte{'['}
	for _, line := range lines {
		call = append(jsonwire.AppendString(append(call, `{"sql":`...), line), "},"...)
	}
	call[len(call)-1] = ']'
	answer, _, err := d.post(ctx, &url.URL{Path: "/execute", RawQuery: "resultsFormat=NONE"}, "", call)
	if err != nil {
		return result, err
	}
	results, err := d.parse(answer, false)
	var refused *Error
	if errors.As(err, &refused) {
		refused.Message = "D1_EXEC_ERROR: Error in line 1: " + lines[0] + ": " + strings.TrimPrefix(refused.Message, "D1_ERROR: ")
	}
	if err != nil {
		return result, err
	}
	for _, one := range results {
		result.Count++
		result.Duration += one.Meta.Duration
	}
	return result, nil
}
