package localcloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tamylaa/clodo/localcloud/internal/api"
	"github.com/tamylaa/clodo/localcloud/internal/archive"
)

// errBusy is a cloud that is being saved already, or is ending.
var errBusy = errors.New("the local cloud is being saved already, or is ending")

// notSaved are the files of a state folder that mean nothing elsewhere: who uses it,
// logs, what is being saved, and what a cache left that did not end well.
func notSaved(name string) bool {
	return strings.HasPrefix(name, cacheFolder+"/") || name == lockName || name == cardName || !strings.Contains(name, "/") && (strings.HasSuffix(name, ".log") || strings.HasPrefix(name, "saving-") || strings.HasSuffix(name, ".new"))
}

// Save writes everything the cloud knows as one file that Restore reads. Requests wait
// meanwhile: the Workers are stopped, so that what they write is whole, and started
// again; connections that go on for longer than five seconds end. No other method of
// the cloud may be called until it returns.
func (c *Cloud) Save(ctx context.Context, w io.Writer) error {
	f, err := c.save(ctx)
	defer discardFile(f)
	if err != nil {
		return fmt.Errorf("saving the local cloud: %w", err)
	}
	if _, err := io.Copy(w, f); err != nil {
		return fmt.Errorf("saving the local cloud: %w", err)
	}
	return nil
}

// save makes the saved cloud a file in its folder, which the caller discards. There may be
// one with an error too: that of a cloud which does not go on.
func (c *Cloud) save(ctx context.Context) (f *os.File, err error) {
	if !c.saving.TryLock() {
		return nil, errBusy
	}
	defer c.saving.Unlock()
	release := c.gate.hold()
	defer release()
	// Half a pause is worse than one that nobody waits for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
	defer cancel()
	err = c.shut(ctx)
	if err == nil {
		f, err = c.pack()
	}
	if again := c.open(ctx); again != nil {
		c.options.Log.Error("the local cloud was saved and does not go on; it ends", "error", again)
		c.stopOnce.Do(func() { close(c.stop) })
		return f, errors.Join(err, again)
	}
	return f, err
}

func (c *Cloud) pack() (*os.File, error) {
	f, err := os.CreateTemp(c.options.Dir, "saving-*")
	if err != nil {
		return nil, err
	}
	if err = archive.Write(f, c.options.Dir, notSaved); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		discardFile(f)
		return nil, err
	}
	return f, nil
}

func discardFile(f *os.File) {
	if f != nil {
		_ = f.Close() // it was read to its end, or is of no use
		_ = os.Remove(f.Name())
	}
}

func (c *Cloud) serveSave(w http.ResponseWriter, r *http.Request) {
	f, err := c.save(r.Context())
	defer discardFile(f)
	switch {
	case errors.Is(err, errBusy):
		answer(w, http.StatusConflict, map[string]string{"error": err.Error()})
		return
	case err != nil:
		answer(w, http.StatusInternalServerError, map[string]string{"error": err.Error()})
		return
	}
	if info, err := f.Stat(); err == nil {
		w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	}
	w.Header().Set(api.Header, "1")
	w.Header().Set("Content-Type", "application/gzip")
	_, _ = io.Copy(w, f) // the client notices that bytes are missing
}

// Save writes everything the cloud of a state folder knows, whether it runs or not.
func Save(ctx context.Context, dir string, w io.Writer) error {
	finding, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, running, err := find(finding, dir)
	if err != nil {
		return err
	}
	if running {
		return saveRunning(ctx, s, w)
	}
	if _, err := os.Stat(filepath.Join(dir, lockName)); err != nil {
		return notAFolderError(dir)
	}
	l, err := lockFolder(dir)
	if err != nil {
		return err
	}
	return folderError(dir, errors.Join(archive.Write(w, dir, notSaved), l.release()))
}

func saveRunning(ctx context.Context, s status, w io.Writer) error {
	req, err := controlRequest(ctx, s.API, s.APIToken, http.MethodGet, savePath, nil)
	if err != nil {
		return err
	}
	transport := directTransport()
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return fmt.Errorf("saving the local cloud: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16)) // the status says enough
		return fmt.Errorf("saving the local cloud: it answered %s: %s", res.Status, strings.TrimSpace(string(b)))
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("saving the local cloud: %w", err)
	}
	return nil
}

// Restore makes a state folder what Save wrote; everything that it held is gone. A
// running cloud is refused. What r is, is known in full before the folder is touched.
func Restore(dir string, r io.Reader) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the state folder: %w", err)
	}
	l, err := lockFolder(dir)
	if err != nil {
		return err
	}
	locked := true
	unlock := func() error {
		if !locked {
			return nil
		}
		locked = false
		return l.release()
	}
	fresh, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-restoring-*")
	if err != nil {
		return errors.Join(folderError(dir, err), unlock())
	}
	err = archive.Read(r, fresh)
	if err == nil {
		if _, missing := os.Stat(filepath.Join(fresh, "cloud.db")); missing != nil {
			err = fmt.Errorf("%w: it has no cloud.db", archive.ErrForeign)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(fresh, lockName), nil, 0o600)
	}
	if err != nil {
		err = errors.Join(err, os.RemoveAll(fresh), unlock(), l.undo())
		if errors.Is(err, archive.ErrForeign) {
			return foreignError(r, err)
		}
		return folderError(dir, err)
	}
	if runtime.GOOS == "windows" { // which moves no folder with an open file
		if err := unlock(); err != nil {
			return folderError(dir, errors.Join(err, os.RemoveAll(fresh)))
		}
	}
	return folderError(dir, errors.Join(exchange(fresh, dir), unlock()))
}

// exchange puts a folder in the place of another, whose files it deletes at the end.
func exchange(fresh, dir string) error {
	old := fresh + "-old"
	if err := os.Rename(dir, old); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir), os.RemoveAll(fresh))
	}
	return os.RemoveAll(old)
}
