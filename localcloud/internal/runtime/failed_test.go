package runtime

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAWorkerThatThrowsIsAnsweredForAsByCloudflare(t *testing.T) {
	t.Parallel()
	const nobody = "http://127.0.0.1:1" // the system gives this port to nobody who asks for any
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cf-Ray", "another")
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(outside.Close)
	c := newCloud(t)
	c.apply(worker("web", c.version(`
let asked = 0;
export default { async fetch(request, env, ctx) {
	switch (new URL(request.url).pathname) {
	case "/throws": throw new TypeError("no");
	case "/never": return new Promise(() => {});
	case "/nobody": asked++; return fetch("`+nobody+`");
	case "/passes": asked++; ctx.passThroughOnException(); throw new Error("no");
	case "/asked": return new Response(String(asked));
	case "/own": return new Response("Internal Server Error", { status: 500 });
	case "/bare": return new Response(new TextEncoder().encode("Internal Server Error"), { status: 500 });
	case "/outside": return fetch("`+outside.URL+`");
	}
} }`)))
	for _, path := range []string{"/throws", "/never", "/nobody", "/nowhere"} {
		c.want("http://web.localhost"+path, 500, "error code: 1101")
		c.wantAnswer("a POST of "+path, c.send(http.MethodPost, "http://web.localhost"+path, "body"), 500, "error code: 1101")
	}
	c.wantAnswer("a POST whose answer leaves a connection", c.send(http.MethodPost, "http://web.localhost/asked", "body"), 200, "2") // once each
	c.wantAnswer("a request without a body", c.send(http.MethodOptions, "http://web.localhost/nobody", ""), 500, "error code: 1101")
	c.want("http://web.localhost/asked", 200, "3")
	c.want("http://web.localhost/passes", 404, "error code: 1042") // there is no origin
	c.want("http://web.localhost/asked", 200, "4")
	c.want("http://web.localhost/own", 500, "Internal Server Error")
	c.want("http://web.localhost/bare", 500, "Internal Server Error")
	if status, page := c.get("http://web.localhost/throws", "Accept", "text/html,*/*"); status != 500 || !strings.Contains(page, "Error 1101") || !strings.Contains(page, "Ray ID: ") {
		t.Errorf("a browser gets %d %s", status, page)
	}
	if rays := c.do("http://web.localhost/outside").Header.Values("Cf-Ray"); len(rays) != 1 || rays[0] == "another" {
		t.Errorf("an answer that was handed on has the rays %q, want its own", rays)
	}
}

func TestAConnectionThatWasResetIsBrokenOffOnEverySystem(t *testing.T) {
	t.Parallel()
	for _, err := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.Errno(10054), syscall.Errno(10053)} {
		if err := fmt.Errorf("reading: %w", &net.OpError{Op: "read", Err: os.NewSyscallError("read", err)}); !isBrokenOff(err) {
			t.Errorf("%v is not", err)
		}
	}
	if err := error(syscall.ECONNREFUSED); isBrokenOff(err) {
		t.Errorf("%v is, though nobody ever took the connection", err)
	}
}

// Answers that a process gave before it died may be read after its connections broke.
func TestAnAnswerFromBeforeDoesNotShowThatAProcessLives(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("web", c.version(named("web"))))
	c.want("http://web.localhost/", 200, "web")
	table := c.table.Load()
	serving := table.generations[table.worker("acc", "web")]
	serving.mu.Lock()
	p := serving.process
	serving.mu.Unlock()
	g := c.newGeneration(serving.group) // which hears of no pulse
	t.Cleanup(g.retire)
	earlier := &exchange{generation: g, began: time.Now().Add(-time.Millisecond)}
	broken := time.Now()
	read := &http.Response{StatusCode: http.StatusOK, Request: (&http.Request{}).WithContext(context.WithValue(t.Context(), exchangeKey{}, earlier))}
	if err := modifyResponse(read); err != nil {
		t.Fatal(err)
	}
	died := make(chan bool, 1)
	go func() { died <- (&exchange{generation: g, process: p}).died(t.Context(), broken) }()
	p.Kill()
	if !<-died {
		t.Error("the process that broke the connection is taken for alive")
	}
}
