package operator

import (
	"bytes"
	"path/filepath"
	"sync"
	"testing"
)

func TestTargetsThatArePlannedSideBySideGetTheSameFingerprintKey(t *testing.T) {
	t.Parallel()
	o, err := New(Options{Dir: t.TempDir(), Home: t.TempDir(), StateDir: filepath.Join(t.TempDir(), "state")})
	if err != nil {
		t.Fatal(err)
	}
	keys := make([][]byte, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := o.fingerprintKey()
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for i, key := range keys {
		if !bytes.Equal(key, keys[0]) {
			t.Errorf("key %d is another one", i)
		}
	}
}
