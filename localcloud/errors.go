package localcloud

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"zombiezen.com/go/sqlite"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/localcloud/internal/archive"
)

// ErrPortInUse is a port that another program listens on.
var ErrPortInUse = errors.New("the port is in use")

func portError(addr string, err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) && !strings.Contains(err.Error(), "Only one usage of each socket address") {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L101", Severity: diag.SeverityError, Message: fmt.Sprintf("%s is in use by another program", addr),
		Why: "the local cloud was to listen there", Fix: "stop the other program, name another port, or let the system choose one: --port 0",
	}, State: diag.NothingChanged, Exit: diag.ExitFailed, Err: ErrPortInUse}
}

func remoteError(addr string) error {
	return &diag.Error{Finding: diag.Finding{
		Code: "L102", Severity: diag.SeverityError, Message: fmt.Sprintf("%s can be reached from other machines", addr),
		Why: "whoever reaches a local cloud can run code on this machine",
		Fix: "use 127.0.0.1, localhost or [::1], or allow it explicitly",
	}, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

// settingError says that a cloud cannot run like this; nil stays nil.
func settingError(err error, fix string) error {
	if err == nil {
		return nil
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L109", Severity: diag.SeverityError, Message: err.Error(), Fix: fix,
	}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
}

func usedError(dir string, card status) error {
	who := "another process"
	if card.PID != 0 {
		who = fmt.Sprintf("process %d, since %s", card.PID, card.Since.Local().Format("2006-01-02 15:04:05"))
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L103", Severity: diag.SeverityError, Message: fmt.Sprintf("state folder %q is in use by %s", dir, who),
		Why: "two clouds on one folder would destroy each other's data",
		Fix: "use the one that runs (clodo cloud status), stop it (clodo cloud stop), or name another folder: --state DIR",
	}, State: diag.NothingChanged, Exit: diag.ExitBusy}
}

func silentError(dir string, card status) error {
	who := "a process"
	if card.PID != 0 {
		who = fmt.Sprintf("process %d", card.PID)
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L104", Severity: diag.SeverityError, Message: fmt.Sprintf("the local cloud of %q does not answer", dir),
		Why: fmt.Sprintf("%s holds the folder and says nothing", who), Fix: "end that process and start the local cloud again; its state is kept",
	}, Exit: diag.ExitUnavailable, Retryable: true}
}

func notAFolderError(dir string) error {
	return &diag.Error{Finding: diag.Finding{
		Code: "L105", Severity: diag.SeverityError, Message: fmt.Sprintf("%q is not the state folder of a local cloud", dir),
		Why: "it has no file named \"lock\"", Fix: "name the folder that `clodo cloud --state` was given",
	}, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

func otherFilesError(dir, name string) error {
	return &diag.Error{Finding: diag.Finding{
		Code: "L105", Severity: diag.SeverityError, Message: fmt.Sprintf("%q is not the state folder of a local cloud", dir),
		Why: fmt.Sprintf("it has other files, such as %q, and no file named \"lock\"", name), Fix: "name an empty folder, or one that does not exist: --state DIR",
	}, State: diag.NothingChanged, Exit: diag.ExitUsage}
}

func foreignError(r io.Reader, err error) error {
	name := "the file"
	if f, ok := r.(interface{ Name() string }); ok {
		name = strconv.Quote(f.Name())
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L111", Severity: diag.SeverityError, Message: name + " is not a saved local cloud, or it is damaged",
		Why: strings.TrimPrefix(err.Error(), archive.ErrForeign.Error()+": "), Fix: "name a file that `clodo cloud save` wrote",
	}, State: diag.NothingChanged, Exit: diag.ExitUsage, Err: err}
}

// serveError says that what a folder holds cannot be served. An error that explains
// itself, such as a workerd that could not be downloaded, is kept.
func serveError(dir string, err error) error {
	var known *diag.Error
	if errors.As(err, &known) {
		return err
	}
	return &diag.Error{Finding: diag.Finding{
		Code: "L108", Severity: diag.SeverityError, Message: fmt.Sprintf("the Workers of state folder %q do not start", dir),
		Why: err.Error(), Fix: "forget them with `clodo cloud reset` and deploy again, or name another folder: --state DIR",
	}, State: diag.NothingChanged, Exit: diag.ExitFailed, Err: err}
}

// folderError explains why a state folder could not be used; nil stays nil, and an
// explanation that is there already is kept.
func folderError(dir string, err error) error {
	var known *diag.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	finding := diag.Finding{Code: "L106", Severity: diag.SeverityError, Message: fmt.Sprintf("state folder %q cannot be used", dir), Why: err.Error(), Fix: "name another folder: --state DIR"}
	switch text := err.Error(); {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), strings.Contains(text, "disk is full"),
		sqlite.ErrCode(err) == sqlite.ResultIOErrSHMSize: // SQLite's words for an index of the log that cannot grow
		finding.Code, finding.Message = "L107", fmt.Sprintf("the disk of state folder %q is full", dir)
		finding.Fix = "free some space, or name a folder on another disk: --state DIR"
	case damaged(err):
		finding.Message = fmt.Sprintf("state folder %q has a damaged file", dir)
		finding.Fix = "put back a saved cloud (clodo cloud restore FILE), start afresh (clodo cloud reset), or name another folder: --state DIR"
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS), strings.Contains(text, "readonly database"):
		finding.Message = fmt.Sprintf("state folder %q is not writable", dir)
		finding.Fix = "make it writable, or name another folder: --state DIR"
	}
	return &diag.Error{Finding: finding, Exit: diag.ExitFailed, Err: err}
}

// untouchedError is folderError for a folder in which nothing was done yet.
func untouchedError(dir string, err error) error {
	err = folderError(dir, err)
	if known, ok := errors.AsType[*diag.Error](err); ok {
		known.State = diag.NothingChanged
	}
	return err
}

// damaged reports that SQLite found no database in a file, or a broken one.
func damaged(err error) bool {
	code := sqlite.ErrCode(err).ToPrimary()
	return code == sqlite.ResultNotADB || code == sqlite.ResultCorrupt
}
