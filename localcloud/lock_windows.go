package localcloud

import (
	"errors"
	"os"
	"syscall"
)

// errLocked is a lock that another process holds.
var errLocked = errors.New("locked")

// errorSharingViolation is Windows' word for a file that somebody has to himself.
const errorSharingViolation = syscall.Errno(32)

// tryLock opens a file that only one process can have open this way.
func tryLock(name string) (*os.File, error) {
	p, err := syscall.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(p, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errorSharingViolation) {
		return nil, errLocked
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

// unlock gives a lock up.
func unlock(f *os.File) error { return f.Close() }
