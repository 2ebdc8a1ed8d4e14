package d1

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsWaitForTheirTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newTurn()
		q.Lock()
		left, leave := context.WithCancel(t.Context())
		gone, served := make(chan error, 1), make(chan int, 3)
		go func() { gone <- q.take(left) }()
		for i := range 3 {
			synctest.Wait()
			go func() {
				if err := q.take(t.Context()); err != nil {
					t.Error(err)
				}
				served <- i
				q.Unlock()
			}()
		}
		synctest.Wait()
		leave()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away got %v", err)
		}
		q.Unlock()
		for i := range 3 {
			if got := <-served; got != i {
				t.Errorf("turn %d was had by call %d", i, got)
			}
		}
	})
}

func TestAQueueThatIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newTurn()
		q.Lock()
		late := make(chan error, maxWaiting)
		began := time.Now()
		for range maxWaiting {
			go func() { late <- q.take(t.Context()) }()
		}
		synctest.Wait()
		if err := q.take(t.Context()); !errors.Is(err, errTooMany) {
			t.Errorf("one more: %v", err)
		}
		for range maxWaiting {
			if err := <-late; !errors.Is(err, errTooLong) {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		}
		if took := time.Since(began); took != maxWait {
			t.Errorf("they waited for %v", took)
		}
		q.Unlock()
		if err := q.take(t.Context()); err != nil {
			t.Errorf("later: %v", err)
		}
	})
}
