//go:build !js

package clodo

import (
	"bufio"
	"bytes"
)

// ReadMessages are the messages of what a client sends, up to the first mistake.
func ReadMessages(sent []byte, limit int64) []WebSocketMessage {
	r := messageReader{r: bufio.NewReader(bytes.NewReader(sent)), limit: limit, control: func(f frame) error {
		if f.op != opClose {
			return nil
		}
		e, err := closing(f.payload)
		if err != nil {
			return err
		}
		return e
	}}
	var all []WebSocketMessage
	for {
		m, err := r.next()
		if err != nil {
			return all
		}
		all = append(all, m)
	}
}
