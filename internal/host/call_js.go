package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Answer is the result of a call.
type Answer struct {
	Data []byte        // JSON, or the bytes that the operation returned
	Body io.ReadCloser // nil unless the operation returned a stream; to be closed
}

// How the body of a call goes with it.
const (
	bodyNone = iota
	bodyWhole
	bodyStream
)

// Call has JavaScript do an operation of a binding: op of shim/bindings/KIND.js, which
// gets the object of env that is called binding (none when the name is empty) and args,
// which are JSON or empty. A body of up to 64 KB arrives there as bytes, a longer one as
// a stream, which is read until it ends or the operation's answer is closed. Calls
// belong to a request: that of ctx, or else the one that the instance has. When ctx ends
// the call does, and its signal is aborted.
//
// What the operation throws is an [*Error].
func Call(ctx context.Context, kind, binding, op string, args []byte, body io.Reader) (Answer, error) {
	return program.bind(ctx, kind, binding, op, args, body)
}

// Bindings tells contexts with different bindings apart; an instance has one environment.
func Bindings(context.Context) any { return nil }

// errNoRequest is what a call without a request gets.
var errNoRequest = errors.New("bindings can be used while a request is answered")

func (i *instance) bind(ctx context.Context, kind, binding, op string, args []byte, body io.Reader) (Answer, error) {
	failed := func(err error) (Answer, error) { return Answer{}, fmt.Errorf("%s %s: %s: %w", kind, binding, op, err) }
	e := i.exchange(ctx)
	if e == nil {
		return failed(errNoRequest)
	}
	if err := ctx.Err(); err != nil {
		return failed(err)
	}
	first, rest, err := beginning(body)
	if err != nil {
		return failed(err)
	}
	how := bodyNone
	switch {
	case rest != nil:
		how = bodyStream
	case body != nil:
		how = bodyWhole
	}
	b := make([]byte, 0, 20+len(kind)+len(binding)+len(op)+len(args)+len(first))
	b = appendText(appendText(appendText(b, kind), binding), op)
	b = binary.LittleEndian.AppendUint32(b, uint32(how))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(args)))
	b = append(append(b, args...), first...)
	number, c := i.begin(e, bindingCall, b)
	if rest != nil {
		go i.upload(e, number, rest)
	}
	select {
	case r := <-c:
		var thrown *thrownError
		switch {
		case errors.As(r.err, &thrown):
			return Answer{}, &Error{Kind: kind, Binding: binding, Op: op, Message: thrown.message}
		case r.err != nil:
			return failed(r.err)
		}
		a := Answer{Data: r.data[1:]}
		if r.data[0] != 0 {
			a.Body = &answerBody{program: i, exchange: e, ctx: ctx, number: number}
		}
		return a, nil
	case <-ctx.Done():
		i.cancel(number)
		return failed(ctx.Err())
	}
}

// beginning reads what of a body goes with its call; rest is nil when that is all.
func beginning(body io.Reader) (first []byte, rest io.Reader, err error) {
	if body == nil {
		return nil, nil, nil
	}
	if c, ok := body.(*closingReader); ok && !c.known {
		first = make([]byte, 4096)
		n, err := c.Read(first)
		switch {
		case errors.Is(err, io.EOF):
			return first[:n], nil, nil
		case err != nil:
			return nil, nil, fmt.Errorf("reading the body: %w", err)
		}
		return first[:n], body, nil
	}
	first, err = io.ReadAll(io.LimitReader(body, held+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("reading the body: %w", err)
	case len(first) <= held:
		return first, nil, nil
	}
	return first, body, nil
}

// upload hands over the rest of the body of a call, as fast as the operation takes it.
func (i *instance) upload(e *exchange, number int32, rest io.Reader) {
	if c, ok := rest.(*closingReader); ok {
		defer c.close()
	}
	part := make([]byte, 4+held)
	binary.LittleEndian.PutUint32(part, uint32(number))
	for {
		n, err := rest.Read(part[4:])
		if n > 0 {
			if _, err := i.call(e, uploadPart, part[:4+n]); err != nil {
				return // nobody reads it any more
			}
		}
		if err != nil {
			message := ""
			if !errors.Is(err, io.EOF) {
				message = "reading the body: " + err.Error()
			}
			_, _ = i.call(e, uploadEnd, append(part[:4], message...)) // it was the last thing to do
			return
		}
	}
}

// answerBody is the stream of an answer.
type answerBody struct {
	program  *instance
	exchange *exchange
	ctx      context.Context //nolint:containedctx // as the body of an http.Response has its request's
	number   int32
	rest     []byte
	err      error
}

func (b *answerBody) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		number, c := b.program.begin(b.exchange, answerPart, binary.LittleEndian.AppendUint32(nil, uint32(b.number)))
		select {
		case r := <-c:
			switch {
			case r.err != nil:
				b.err = r.err
			case len(r.data) == 0:
				b.err = io.EOF
			}
			b.rest = r.data
		case <-b.ctx.Done():
			delete(b.program.calls, number)
			b.err = b.ctx.Err()
			b.program.cancel(b.number)
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *answerBody) Close() error {
	if b.err == nil {
		b.program.cancel(b.number)
	}
	b.rest, b.err = nil, errors.New("read of a body that was closed")
	return nil
}
