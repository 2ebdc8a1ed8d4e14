package d1

import (
	"context"
	"errors"
	"strings"

	"github.com/tamylaa/clodo/internal/host"
	"github.com/tamylaa/clodo/internal/jsonwire"
)

const kind = "d1"

// send asks D1's JavaScript binding, by the operation op of the shim's bindings/d1.js.
func (d *DB) send(ctx context.Context, op, session string, call []byte) (answer []byte, bookmark string, err error) {
	args := append(make([]byte, 0, len(call)+32), `{"call":`...)
	args = append(args, call...)
	if session != "" {
		args = jsonwire.AppendString(append(args, `,"session":`...), session)
	}
	got, err := host.Call(ctx, kind, d.binding, op, append(args, '}'), nil)
	if err != nil {
		return nil, "", d.known(err)
	}
	if session == "" {
		return got.Data, "", nil
	}
	r := jsonwire.NewReader(got.Data)
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		switch r.Key() {
		case "answer":
			answer = r.Raw()
		case "bookmark":
			if !r.Null() {
				bookmark = r.String()
			}
		default:
			r.Skip()
		}
	}
	if err := r.Err(); err != nil {
		return nil, "", d.broken(err)
	}
	return answer, bookmark, nil
}

func (d *DB) exec(ctx context.Context, sql string) (result ExecResult, err error) {
	got, err := host.Call(ctx, kind, d.binding, "exec", jsonwire.AppendString(nil, sql), nil)
	if err != nil {
		return result, d.known(err)
	}
	r := jsonwire.NewReader(got.Data)
	for ok := r.Begin('{'); ok; ok = r.More('}') {
		switch r.Key() {
		case "count":
			result.Count = int(r.Int())
		case "duration":
			result.Duration = milliseconds(r.Float())
		default:
			r.Skip()
		}
	}
	if err := r.Err(); err != nil {
		return result, d.broken(err)
	}
	return result, nil
}

// known makes an [*Error] of what D1 threw.
func (d *DB) known(err error) error {
	var thrown *host.Error
	if errors.As(err, &thrown) && strings.HasPrefix(thrown.Message, "D1_") {
		return &Error{Binding: d.binding, Message: thrown.Message}
	}
	return err
}
