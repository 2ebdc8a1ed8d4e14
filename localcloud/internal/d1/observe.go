package d1

import "time"

// Call is what one call did: a batch or a text, from a Worker or the REST API.
type Call struct {
	Database      string
	At            time.Time // when it was done, by the cloud's clock
	Reads, Writes int       // statements that ran, by whether they can change anything
	RowsRead      int64
	RowsWritten   int64
	Duration      time.Duration // without the time in the queue
	ResponseBytes int
	Executed      []Executed // the first maxExecuted statements
	Err           error      // nil when it succeeded
}

// Executed is one statement that ran, with the numbers of its meta.
type Executed struct {
	Text                                string
	RowsRead, RowsReturned, RowsWritten int64
	Duration                            time.Duration
}

// maxExecuted bounds what is remembered of one call.
const maxExecuted = 1000

// Observe has f called after every call, one at a time for each database; f must be
// quick and must not call the store. The last Observe counts.
func (s *Store) Observe(f func(Call)) { s.observe.Store(&f) }

func (s *Store) observed(c Call) {
	if f := s.observe.Load(); f != nil {
		c.At = s.clock.Now()
		(*f)(c)
	}
}
