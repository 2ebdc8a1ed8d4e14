package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// call is one request of a load and the answer that it has to get.
type call struct {
	method, target string // target is path and query
	header         string // more header lines, each with its end
	body           string
	want           string // the whole answer; "" checks the status only
}

// door is where a contestant answers.
type door struct {
	address string // host:port
	host    string // for the Host header
}

// drive sends calls on keep-alive connections for as long as it lasts, one after the
// other on each, and returns how many were answered. make gives the nth call of a
// connection. One failed or wrong answer makes the whole load worthless and is the
// error.
func drive(ctx context.Context, d door, connections int, lasts time.Duration, make func(connection, n int) call) (answered int, err error) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	counts, errs := [64]int{}, [64]error{}
	var group sync.WaitGroup
	for i := range connections {
		group.Go(func() {
			counts[i], errs[i] = drone(ctx, d, func(n int) (call, bool) { return make(i, n), true })
			if errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	for _, n := range counts {
		answered += n
	}
	return answered, errors.Join(errs[:]...)
}

// drone is one connection of a load, up to the end of ctx or of the calls. A
// connection that the server announced to close is replaced.
func drone(ctx context.Context, d door, next func(n int) (call, bool)) (answered int, err error) {
	var conn net.Conn
	var in *bufio.Reader
	defer func() {
		if conn != nil {
			_ = conn.Close() // the end
		}
	}()
	for n := 0; ctx.Err() == nil; n++ {
		if conn == nil {
			if conn, err = net.DialTimeout("tcp", d.address, 5*time.Second); err != nil {
				return answered, err
			}
			in = bufio.NewReaderSize(conn, 32<<10)
		}
		c, more := next(n)
		if !more {
			break
		}
		request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", c.method, c.target, d.host, c.header)
		if c.method != "GET" {
			request = fmt.Appendf(request, "Content-Length: %d\r\n", len(c.body))
		}
		request = append(append(request, "\r\n"...), c.body...)
		got, last, err := exchange(conn, in, request)
		if err != nil {
			return answered, fmt.Errorf("%s %s: %w", c.method, c.target, err)
		}
		if c.want != "" && got != c.want {
			return answered, fmt.Errorf("%s %s answered %.80q, not %.80q", c.method, c.target, got, c.want)
		}
		answered++
		if last {
			_ = conn.Close() // replaced
			conn = nil
		}
	}
	return answered, nil
}
