//go:build !js

package kv

import (
	"fmt"
	"testing"
	"time"
)

func TestHowLongAValueIsKept(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name string
		o    PutOptions
		want string // the parameters, or the error
	}{
		{"for ever", PutOptions{}, "0 0 "},
		{"a minute", PutOptions{TTL: time.Minute}, "0 60 "},
		{"until a time", PutOptions{Expiration: at, Metadata: []int{1}}, "1800000000 0 [1]"},
		{"both", PutOptions{TTL: time.Minute, Expiration: at}, "kv N: a value has a time to live or an expiration, not both"},
		{"half a second", PutOptions{TTL: 500 * time.Millisecond}, "kv N: a time to live is in whole seconds, got 500ms"},
		{"less than nothing", PutOptions{TTL: -time.Minute}, "kv N: a time to live is in whole seconds, got -1m0s"},
		{"metadata that is no JSON", PutOptions{Metadata: make(chan int)}, "kv N: the metadata: json: unsupported type: chan int"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, err := c.o.parameters("N")
			got := fmtParameters(p)
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func fmtParameters(p parameters) string {
	return fmt.Sprint(p.Expiration, p.TTL, " ", string(p.Metadata))
}
