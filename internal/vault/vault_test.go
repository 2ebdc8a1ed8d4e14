package vault

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/secret"
)

func open(dir, passphrase string) *Vault {
	v := New(Options{Dir: dir, NoKeyring: true, Passphrase: func() string { return passphrase }})
	v.workFactor = 10 // what is tested is not how long guessing takes
	return v
}

func code(err error) string {
	if e, ok := errors.AsType[*diag.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestAgeFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "home")
	ctx := t.Context()
	a := secret.Ref{Account: "acc", Worker: "api", Name: "A"}
	b := secret.Ref{Account: "acc", Worker: "api", Name: "B"}

	if _, err := open(dir, "").Set(ctx, a, secret.New("value-a")); code(err) != "A131" {
		t.Fatalf("keeping without keyring and passphrase: got %v, want A131", err)
	}
	v := open(dir, "correct horse")
	for ref, text := range map[secret.Ref]string{a: "value-a", b: "value-b"} {
		where, err := v.Set(ctx, ref, secret.New(text))
		if err != nil || where != "age file" {
			t.Fatalf("set %s: %q, %v", ref, where, err)
		}
	}
	again := open(dir, "correct horse")
	got, err := again.Get(ctx, b)
	if err != nil || got.Reveal() != "value-b" {
		t.Errorf("get after reopening: %v", err)
	}
	names, err := again.Names(ctx, "acc", "api")
	if d := cmp.Diff([]string{"A", "B"}, names); err != nil || d != "" {
		t.Errorf("names: %v\n%s", err, d)
	}
	if _, err := again.Get(ctx, secret.Ref{Account: "acc", Worker: "other", Name: "A"}); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("get of another Worker's secret: got %v, want ErrNotFound", err)
	}
	if _, err := open(dir, "wrong").Get(ctx, a); code(err) != "A130" {
		t.Errorf("wrong passphrase: got %v, want A130", err)
	}

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600 (%v)", e.Name(), info.Mode(), err)
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil || bytes.Contains(data, []byte("value-a")) {
			t.Errorf("%s holds a value in plain text (%v)", e.Name(), err)
		}
	}

	file := filepath.Join(dir, "secrets.age")
	sealed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)-5] ^= 1
	if err := os.WriteFile(file, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open(dir, "correct horse").Get(ctx, a); code(err) != "A132" {
		t.Errorf("one flipped byte: got %v, want A132", err)
	}
}
