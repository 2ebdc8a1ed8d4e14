package tail

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/traffic"
)

// Protocol is the subprotocol that a client has to ask for.
const Protocol = "trace-v1"

const (
	pinging = 20 * time.Second
	// silence is how long a client may say nothing, not even answer a ping.
	silence = time.Minute
	// slow is how long a client may take to read one event.
	slow = 10 * time.Second
	// goodbye is how long a client may take to agree to the end.
	goodbye = time.Second
	// calm is how long nothing was left out before a client is told so.
	calm = 5 * time.Second
)

// What a client is told that does not read fast enough; the words are Cloudflare's.
const (
	overload     = "Tail is currently in sampling mode due to the high volume of messages. To prevent messages from being dropped consider adding filters."
	overloadStop = "Tail has exited sampling mode and is no longer dropping messages."
)

// Connect makes a request the WebSocket of a tail, and returns when that has ended.
func (ts *Tails) Connect(w http.ResponseWriter, req *http.Request, id string) {
	ts.mu.Lock()
	t := ts.byID[id]
	if t == nil || ts.closed {
		ts.mu.Unlock()
		http.Error(w, "This tail does not exist or has expired.", http.StatusNotFound)
		return
	}
	ts.serving.Add(1) // while the lock is held: Close waits for it
	ts.mu.Unlock()
	defer ts.serving.Done()
	s, err := upgrade(w, req)
	if err != nil {
		return // upgrade has answered
	}
	defer func() { _ = s.Close() }() // whoever is there was told before
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = s.listen(silence) // whatever it is, the client is gone
	}()
	ts.watch(s, t, gone)
	if t.over.Err() != nil && s.sendClose(closeNormal, "the tail has ended") == nil {
		select {
		case <-gone:
		case <-time.After(goodbye):
		}
	}
	_ = s.Close() // ends listen
	<-gone
}

// watch sends events until the tail is over or the client is gone.
func (ts *Tails) watch(s *socket, t *Tail, gone <-chan struct{}) {
	sub := ts.traffic.Subscribe(func(r traffic.Record) bool {
		return r.Account == t.Account && r.Script == t.Script && r.Trigger != traffic.Assets
	})
	defer sub.Close()
	ping := time.NewTicker(pinging)
	defer ping.Stop()
	var sampling time.Time // when something was left out last
	for {
		var event []byte
		var err error
		select {
		case <-gone:
			return
		case <-t.over.Done():
			return
		case r := <-sub.Records:
			if t.filters.Match(r) {
				event, err = r.TailEvent()
			}
		case <-ping.C:
			err = s.send(opPing, nil)
		}
		if err != nil {
			return
		}
		switch missed := sub.Missed(); {
		case missed > 0 && sampling.IsZero():
			err = s.send(opBinary, ts.notice(t, "overload", overload))
			sampling = time.Now()
		case missed > 0:
			sampling = time.Now()
		case !sampling.IsZero() && time.Since(sampling) > calm:
			err = s.send(opBinary, ts.notice(t, "overload-stop", overloadStop))
			sampling = time.Time{}
		}
		if err == nil && event != nil {
			err = s.send(opBinary, event)
		}
		if err != nil {
			return
		}
	}
}

// notice is an event about the tail itself.
func (ts *Tails) notice(t *Tail, kind, message string) []byte {
	b, err := json.Marshal(map[string]any{
		"outcome": "unknown", "scriptName": t.Script, "exceptions": []any{}, "logs": []any{}, "eventTimestamp": ts.clock.Now().UnixMilli(),
		"event": map[string]string{"type": kind, "message": message},
	})
	if err != nil {
		return nil // strings always encode
	}
	return b
}
