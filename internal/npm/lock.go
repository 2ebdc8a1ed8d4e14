package npm

import (
	"context"
	"fmt"
	"os"
	"time"
)

// lock holds path for this process until unlock; a process that dies lets go of
// it. It waits for another holder as long as ctx lasts.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	for {
		held, err := tryLock(f)
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if held {
			// Closing releases the lock. The file stays: deleting it would let two
			// processes hold locks on two files of the same name.
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
