package state

import "testing"

func TestNetworkFileSystemsAreKnownByTheirNumber(t *testing.T) {
	t.Parallel()
	for magic, want := range map[uint32]string{0x6969: "NFS", 0xff534d42: "SMB", 0xfe534d42: "SMB", 0x00c36400: "Ceph", 0xef53: "", 0x01021994: ""} {
		if got := networkName(magic); got != want {
			t.Errorf("%#x: got %q, want %q", magic, got, want)
		}
	}
	if got := networkFileSystem(t.TempDir() + "/not/there"); got != "" {
		t.Errorf("the temporary folder lies on %s", got)
	}
	if err := onNetwork("/x/.clodo", "NFS"); code(err) != "D322" {
		t.Errorf("got %v", err)
	}
}
