package host

import (
	"encoding/binary"
	"errors"
	"net/http"
	_ "syscall/js" // without it the runtime cannot be resumed by the shim
	"unsafe"
)

// What the shim offers. Its functions take bytes of this memory and copy them before
// they return.

//go:wasmimport clodo ready
func shimReady()

// shimRespond sends the head of the answer and the beginning of its body, which is all
// of it when whole is 1.
//
//go:wasmimport clodo respond
func shimRespond(p unsafe.Pointer, n int32, whole int32)

// shimWrite sends a part of the body; it returns 1 when the client is slower, and -1
// when nobody reads any more.
//
//go:wasmimport clodo write
func shimWrite(p unsafe.Pointer, n int32) int32

// shimEnd ends a body that shimRespond left open; broken is 1 when it is not whole.
//
//go:wasmimport clodo end
func shimEnd(broken int32)

// shimDone says that the instance has nothing more to do for the request; spoilt is 1
// when it must not get another one.
//
//go:wasmimport clodo done
func shimDone(spoilt int32)

// shimCall begins what JavaScript does asynchronously; clodo_settle brings the result.
//
//go:wasmimport clodo call
func shimCall(number, operation int32, p unsafe.Pointer, n int32)

// The operations of shimCall.
const (
	readBody = 1 // the next part of the request's body; empty at its end
	drain    = 2 // returns when the client takes more
)

// instance is this instance of the program: what the shim exports to and imports from
// has no receiver, and an instance of WebAssembly is a process of its own. One
// goroutine at a time runs in it, so nothing guards its fields.
type instance struct {
	handler  http.Handler
	inbox    []byte // where the shim puts what it hands over; valid during that call
	current  *exchange
	calls    map[int32]chan settled // those that have not returned, by number
	lastCall int32
}

var program = &instance{calls: map[int32]chan settled{}}

//go:wasmexport clodo_buffer
func buffer(n int32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(program.room(int(n)))) }

// room is an inbox for n bytes. A large one is not kept.
func (i *instance) room(n int) []byte {
	if cap(i.inbox) < n || cap(i.inbox) > 1<<20 {
		i.inbox = make([]byte, max(n, 4096))
	}
	return i.inbox[:cap(i.inbox)]
}

// settled is the result of a call.
type settled struct {
	data []byte
	err  error
}

//go:wasmexport clodo_settle
func settle(number, failed, n int32) { program.settle(number, failed != 0, program.inbox[:n]) }

func (i *instance) settle(number int32, failed bool, data []byte) {
	c := i.calls[number]
	if c == nil {
		return // its request is over
	}
	delete(i.calls, number)
	if failed {
		c <- settled{err: errors.New(string(data))}
		return
	}
	c <- settled{data: append([]byte(nil), data...)}
}

// call does something that JavaScript does asynchronously. The request's end does not
// interrupt it: the shim drops the instance then.
func (i *instance) call(operation int32, data []byte) ([]byte, error) {
	i.lastCall++
	c := make(chan settled, 1)
	i.calls[i.lastCall] = c
	shimCall(i.lastCall, operation, unsafe.Pointer(unsafe.SliceData(data)), int32(len(data)))
	r := <-c
	return r.data, r.err
}

// Serve answers requests with h. It does not return.
func Serve(h http.Handler) error { return program.serve(h) }

func (i *instance) serve(h http.Handler) error {
	i.handler = h
	shimReady()
	select {}
}

// appendText writes a text with its length before it.
func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// reader takes apart what the shim wrote.
type reader struct{ rest []byte }

func (r *reader) number() int {
	n := binary.LittleEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return int(int32(n))
}

func (r *reader) text() string {
	n := r.number()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
