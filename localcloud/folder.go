package localcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The two files that say who uses a state folder. The lock itself is the system's
// and ends with its process; the card is for people and other processes.
const (
	lockName = "lock"
	cardName = "running.json"
)

// clockName is the file that says how far the cloud's time is ahead.
const clockName = "clock.json"

// folderLock is held as long as a cloud uses its folder.
type folderLock struct {
	dir   string
	since time.Time
	file  *os.File
	fresh bool   // the folder held no cloud yet
	made  string // the first folder of the path that was missing; "": none was
}

// lookTime is longer than anybody looks at a folder's lock.
const lookTime = 300 * time.Millisecond

// lockFolder takes a state folder for this process, making it when it is missing. One
// that holds something else is refused: a cloud in it would be one that cannot be reset
// without the rest.
func lockFolder(dir string) (*folderLock, error) {
	l := &folderLock{dir: dir, since: time.Now().UTC().Truncate(time.Second), made: firstMissing(dir)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, untouchedError(dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, untouchedError(dir, err)
	}
	if l.fresh = !slices.ContainsFunc(entries, named(lockName)); l.fresh {
		if i := slices.IndexFunc(entries, foreign); i >= 0 {
			return nil, otherFilesError(dir, entries[i].Name())
		}
	}
	f, err := tryLock(filepath.Join(dir, lockName))
	// Whoever looks whether the folder is in use holds the lock for that moment.
	for began := time.Now(); errors.Is(err, errLocked) && time.Since(began) < lookTime; {
		time.Sleep(5 * time.Millisecond)
		f, err = tryLock(filepath.Join(dir, lockName))
	}
	if errors.Is(err, errLocked) {
		card, _ := readCard(dir) // it may not be written yet
		return nil, usedError(dir, card)
	}
	if err != nil {
		return nil, untouchedError(dir, err)
	}
	l.file = f
	return l, nil
}

func named(name string) func(os.DirEntry) bool {
	return func(e os.DirEntry) bool { return e.Name() == name }
}

// foreign reports that a file was not left by whoever started a cloud in the background.
func foreign(e os.DirEntry) bool { return filepath.Ext(e.Name()) != ".log" }

// firstMissing is the first folder of a path that does not exist, "" when all do.
func firstMissing(dir string) (missing string) {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) || dir == filepath.Dir(dir) {
			return missing
		}
		missing = dir
	}
}

// undo removes what was made in a fresh folder, and the folders that were made for it.
// The lock has been released. What another process has begun with since then stays.
func (l *folderLock) undo() error {
	if !l.fresh {
		return nil
	}
	again, err := lockFolder(l.dir)
	if err != nil {
		return nil //nolint:nilerr // it is no longer ours
	}
	if err := again.empty(foreign); err != nil { // a log says why it did not start
		return err
	}
	for dir := l.dir; l.made != "" && len(dir) >= len(l.made); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break // it is not empty
		}
	}
	return nil
}

// release lets go of the folder. The lock file stays: removing it would let two
// processes hold locks on two files of one name.
func (l *folderLock) release() error {
	err := os.Remove(filepath.Join(l.dir, cardName))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, unlock(l.file))
}

// announce writes the card, whole or not at all.
func (c *Cloud) announce() error {
	b, err := json.MarshalIndent(status{PID: os.Getpid(), Since: c.lock.since, Info: c.Info()}, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(c.options.Dir, cardName)
	if err := os.WriteFile(name+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func readCard(dir string) (status, error) {
	var s status
	b, err := os.ReadFile(filepath.Join(dir, cardName))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("reading %s: %w", cardName, err)
	}
	return s, nil
}

// inUse reports whether a process holds the folder.
func inUse(dir string) (bool, error) {
	name := filepath.Join(dir, lockName)
	if _, err := os.Stat(name); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	f, err := tryLock(name)
	if errors.Is(err, errLocked) {
		return true, nil
	}
	if err != nil {
		return false, folderError(dir, err)
	}
	return false, unlock(f)
}

// patience is how long a cloud may take from taking its folder to answering.
const patience = 15 * time.Second

// Running says whether a local cloud runs on a state folder, and how to reach it.
// What a killed one left behind is not taken for a running one. One that is just starting
// or ending is waited for, for at most 15 seconds.
func Running(ctx context.Context, dir string) (info Info, running bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, running, err := find(ctx, dir)
	return s.Info, running, err
}

func find(ctx context.Context, dir string) (status, bool, error) {
	for {
		held, err := inUse(dir)
		if err != nil || !held {
			return status{}, false, err
		}
		card, err := readCard(dir)
		if err == nil {
			alive, err := ask(ctx, card.API)
			if err == nil && alive.PID == card.PID {
				alive.APIToken = card.APIToken
				return alive, true, nil
			}
		}
		// It is just starting or just ending.
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return status{}, false, ctx.Err()
			}
			return status{}, false, silentError(dir, card)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop asks the local cloud of a state folder to end and waits until it has. It
// reports whether one ran.
func Stop(ctx context.Context, dir string) (bool, error) {
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, running, err := find(asking, dir)
	if err != nil || !running {
		return false, err
	}
	if err := control(ctx, s.API, s.APIToken, "POST", "/local/stop", nil, nil); err != nil {
		return true, err
	}
	for {
		held, err := inUse(dir)
		if err != nil || !held {
			return true, err
		}
		select {
		case <-ctx.Done():
			return true, silentError(dir, s)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Remove deletes the state folder of a cloud that does not run, and reports whether
// there was one. A folder that does not look like one is left alone.
func Remove(dir string) (bool, error) {
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); err != nil {
		return false, notAFolderError(dir)
	}
	l, err := lockFolder(dir)
	if err != nil {
		return false, err
	}
	if err := l.empty(func(os.DirEntry) bool { return true }); err != nil {
		return true, folderError(dir, err)
	}
	return true, folderError(dir, os.RemoveAll(dir))
}

// empty deletes what it is told in the folder, and the lock. The lock file goes last
// and after its release: Windows deletes no open file.
func (l *folderLock) empty(which func(os.DirEntry) bool) error {
	entries, err := os.ReadDir(l.dir)
	for _, e := range entries {
		if e.Name() != lockName && which(e) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(l.dir, e.Name())))
		}
	}
	return errors.Join(err, l.release(), os.Remove(filepath.Join(l.dir, lockName)))
}
