package state

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	lib "modernc.org/sqlite/lib"

	"github.com/tamylaa/clodo/diag"
)

// explain turns errors of the disk into errors for people; others pass.
func (s *Store) explain(err error) error {
	var told *diag.Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	code := resultCode(err)
	switch {
	case code == lib.SQLITE_FULL || extendedCode(err) == lib.SQLITE_IOERR_SHMSIZE || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return problem("D321", err, fmt.Sprintf("the disk under %s is full", s.dir), "make room, then run the same command again")
	case code == lib.SQLITE_CORRUPT || code == lib.SQLITE_NOTADB:
		return problem("D324", err, fmt.Sprintf("%s is damaged", s.path()),
			"move the file away: clodo then reads what is live from the account; releases and journal of this machine are in the moved file")
	case code == lib.SQLITE_READONLY, code == lib.SQLITE_CANTOPEN, code == lib.SQLITE_IOERR, code == lib.SQLITE_PERM,
		errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		return problem("D320", err, fmt.Sprintf("the state folder %s cannot be written", s.dir), "make the folder writable for you, then run the same command again")
	case code == lib.SQLITE_BUSY:
		return problem("D325", err, fmt.Sprintf("another process keeps %s locked", s.path()), "wait for it to end, then run the same command again")
	}
	return err
}

// resultCode is SQLite's primary result code, -1 for an error that is not SQLite's.
func resultCode(err error) int {
	code := extendedCode(err)
	if code < 0 {
		return code
	}
	return code & 0xff
}

// extendedCode is SQLite's extended result code, -1 for an error that is not SQLite's.
// It tells more than the primary one: where the index of the write-ahead log cannot
// grow, SQLite speaks of an I/O error, and it is the disk that is full.
func extendedCode(err error) int {
	var coded interface{ Code() int } // *sqlite.Error of modernc.org/sqlite
	if !errors.As(err, &coded) {
		return -1
	}
	return coded.Code()
}

func isBusy(err error) bool { return resultCode(err) == lib.SQLITE_BUSY }

func problem(code string, err error, message, fix string) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: code, Severity: diag.SeverityError, Message: message, Why: err.Error(), Fix: fix,
		},
		Exit: diag.ExitFailed, Err: err,
	}
}

func onNetwork(dir, name string) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "D322", Severity: diag.SeverityError,
			Message: fmt.Sprintf("the state folder %s lies on a network file system (%s)", dir, name),
			Why:     "locks do not hold there, so two machines could deploy at the same time and damage the journal",
			Fix:     "work in a folder on a disk of this machine",
		},
		State: diag.NothingChanged, Exit: diag.ExitFailed,
	}
}

func tooNew(dir string, need, have int) error {
	return &diag.Error{
		Finding: diag.Finding{
			Code: "D323", Severity: diag.SeverityError,
			Message: fmt.Sprintf("the state folder %s was written by a newer clodo", dir),
			Why:     fmt.Sprintf("its tables are of version %d, and this clodo knows version %d", need, have),
			Fix:     "use the newer clodo",
		},
		State: diag.NothingChanged, Exit: diag.ExitFailed,
	}
}
