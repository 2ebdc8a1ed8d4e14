package state

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// networkFileSystem is the name of the network file system that dir, or the nearest
// folder above it that exists, lies on; "" when it is a local one.
func networkFileSystem(dir string) string {
	var st unix.Statfs_t
	for unix.Statfs(dir, &st) != nil {
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
	return networkName(uint32(st.Type)) //nolint:gosec // the magic numbers have 32 bits
}

func networkName(magic uint32) string {
	switch magic {
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.SMB_SUPER_MAGIC, 0xff534d42, unix.SMB2_SUPER_MAGIC:
		return "SMB"
	case unix.CODA_SUPER_MAGIC:
		return "Coda"
	case unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC:
		return "AFS"
	case unix.CEPH_SUPER_MAGIC:
		return "Ceph"
	}
	return ""
}
