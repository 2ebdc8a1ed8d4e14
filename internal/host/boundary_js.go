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

// shimReady says that the program takes requests, and where its inbox is.
//
//go:wasmimport clodo ready
func shimReady(inbox unsafe.Pointer)

// shimRespond sends the head of the answer and the beginning of its body, which is all
// of it when whole is 1.
//
//go:wasmimport clodo respond
func shimRespond(head unsafe.Pointer, headLength int32, body unsafe.Pointer, length int32, whole int32)

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

// shimCancel says that nobody waits for a call any more, or reads its answer.
//
//go:wasmimport clodo cancel
func shimCancel(number int32)

// The operations of shimCall.
const (
	readBody    = 1 // the next part of the request's body; empty at its end
	drain       = 2 // returns when the client takes more
	bindingCall = 3 // an operation of a binding
	uploadPart  = 4 // a part of the body of such a call; returns when more may come
	uploadEnd   = 5 // its end, or what went wrong
	answerPart  = 6 // the next part of its answer; empty at the end
)

// instance is this instance of the program: what the shim exports to and imports from
// has no receiver, and an instance of WebAssembly is a process of its own. One
// goroutine at a time runs in it, so nothing guards its fields.
type instance struct {
	handler  http.Handler
	events   http.Handler
	bindings []string // the names of those that are no texts
	inbox    []byte   // where the shim puts what it hands over; valid during that call
	large    []byte   // the same, when the inbox is too small; whoever takes it keeps it
	outbox   []byte   // where the head of an answer is made
	page     []byte   // where the beginning of its body waits for its end
	names    map[string]string
	current  *exchange
	// exchanges brings requests to the goroutine that answers all of them: its stack
	// has grown already.
	exchanges chan *exchange
	calls     map[int32]chan settled // those that have not returned, by number
	lastCall  int32
}

var program = newInstance()

// inboxSize is what the shim may put into the inbox; it asks for room for more.
const inboxSize = 16384

// newInstance runs before what imports this package begins, which may look at the
// environment.
func newInstance() *instance {
	return &instance{
		inbox: make([]byte, inboxSize), names: map[string]string{}, calls: map[int32]chan settled{},
		bindings: takeEnvironment(), exchanges: make(chan *exchange, 1),
	}
}

//go:wasmexport clodo_room
func room(n int32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(program.room(n))) }

func (i *instance) room(n int32) []byte {
	i.large = make([]byte, n)
	return i.large
}

// handed is the n bytes that the shim has handed over. Those of the inbox have to be
// copied by whoever keeps them.
func (i *instance) handed(n int32) (data []byte, kept bool) {
	if n <= inboxSize && i.large == nil {
		return i.inbox[:n], false
	}
	data, i.large = i.large[:n], nil
	return data, true
}

// settled is the result of a call.
type settled struct {
	data []byte
	err  error
}

// thrownError is what JavaScript threw.
type thrownError struct{ message string }

func (e *thrownError) Error() string { return e.message }

//go:wasmexport clodo_settle
func settle(number, failed, n int32) { program.settle(number, failed != 0, n) }

func (i *instance) settle(number int32, failed bool, n int32) {
	data, kept := i.handed(n)
	c := i.calls[number]
	if c == nil {
		return // nobody waits for it any more
	}
	delete(i.calls, number)
	if failed {
		c <- settled{err: &thrownError{string(data)}}
		return
	}
	if !kept {
		data = append([]byte(nil), data...)
	}
	c <- settled{data: data}
}

// errOver is what is left of a request gets once that has ended.
var errOver = errors.New("the request is over")

// begin begins what JavaScript does asynchronously for a request.
func (i *instance) begin(e *exchange, operation int32, data []byte) (int32, <-chan settled) {
	i.lastCall++
	c := make(chan settled, 1)
	if e != i.current {
		c <- settled{err: errOver}
		return i.lastCall, c
	}
	i.calls[i.lastCall] = c
	shimCall(i.lastCall, operation, unsafe.Pointer(unsafe.SliceData(data)), int32(len(data)))
	return i.lastCall, c
}

// call begins it and waits for the result. The request's end does not interrupt it.
func (i *instance) call(e *exchange, operation int32, data []byte) ([]byte, error) {
	_, c := i.begin(e, operation, data)
	r := <-c
	return r.data, r.err
}

// cancel gives a call up.
func (i *instance) cancel(number int32) {
	delete(i.calls, number)
	shimCancel(number)
}

// end takes the request from the instance. What still waits for JavaScript, in
// goroutines that outlive it, gets an error: its promises are of that request, and
// nobody would keep them.
func (i *instance) end() {
	i.current = nil
	for number, c := range i.calls {
		delete(i.calls, number)
		c <- settled{err: errOver}
	}
}

// Serve answers requests with h, and events with events, which may be nil. It does not
// return.
func Serve(h, events http.Handler) error { return program.serve(h, orNotFound(events)) }

func (i *instance) serve(h, events http.Handler) error {
	i.handler, i.events = h, events
	shimReady(unsafe.Pointer(unsafe.SliceData(i.inbox)))
	for e := range i.exchanges {
		e.serve()
	}
	return nil
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
