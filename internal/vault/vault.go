// Package vault keeps secret values on this machine: in the operating system's
// keyring, else in a file that age encrypts under a passphrase. There is no third
// way, and no key ever lies beside its ciphertext.
package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	"github.com/zalando/go-keyring"

	"github.com/tamylaa/clodo/diag"
	"github.com/tamylaa/clodo/secret"
)

// Vault implements secret.Store.
type Vault struct {
	dir        string
	passphrase func() string
	keyring    bool
	workFactor int // of scrypt, as a power of two; 0 means age's own, about a second
	mu         sync.Mutex
}

var _ secret.Store = (*Vault)(nil)

// Options says where a vault keeps its files and how it is opened.
type Options struct {
	Dir        string        // folder of secrets.age and of the list of names; made with mode 0700 when needed
	Passphrase func() string // of the age file; "" means that none was given
	NoKeyring  bool          // never ask the operating system's keyring
}

// New makes a vault. It touches neither the keyring nor the disk.
func New(o Options) *Vault {
	return &Vault{dir: o.Dir, passphrase: o.Passphrase, keyring: !o.NoKeyring}
}

// service is the name under which the keyring lists our entries.
const service = "clodo"

// Get implements secret.Store.
func (v *Vault) Get(_ context.Context, ref secret.Ref) (secret.Value, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	names, err := v.readNames()
	if err != nil {
		return secret.Value{}, err
	}
	switch names[ref.String()] {
	case inKeyring:
		text, err := keyring.Get(service, ref.String())
		if errors.Is(err, keyring.ErrNotFound) {
			return secret.Value{}, secret.ErrNotFound
		}
		if err != nil {
			return secret.Value{}, fmt.Errorf("read %s from the keyring: %w", ref, err)
		}
		return secret.New(text), nil
	case inFile:
		values, err := v.readFile()
		if err != nil {
			return secret.Value{}, err
		}
		text, ok := values[ref.String()]
		if !ok {
			return secret.Value{}, secret.ErrNotFound
		}
		return secret.New(text), nil
	}
	return secret.Value{}, secret.ErrNotFound
}

// The places a value can be in, in the words that people read.
const (
	inKeyring = "keyring"
	inFile    = "age file"
)

// Set implements secret.Store: the keyring, else the age file when a passphrase
// was given, else an error that says how to give one.
func (v *Vault) Set(_ context.Context, ref secret.Ref, value secret.Value) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	names, err := v.readNames()
	if err != nil {
		return "", err
	}
	where := inKeyring
	if !v.keyring || keyring.Set(service, ref.String(), value.Reveal()) != nil {
		where = inFile
		if err := v.writeFile(ref, value); err != nil {
			return "", err
		}
	}
	names[ref.String()] = where
	return where, v.writeNames(names)
}

// Names implements secret.Store.
func (v *Vault) Names(_ context.Context, account, worker string) ([]string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all, err := v.readNames()
	if err != nil {
		return nil, err
	}
	var names []string
	for key := range all {
		if name, ok := strings.CutPrefix(key, account+"/"+worker+"/"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// KeyringEntry reads what a person put into the operating system's keyring under
// name, such as an API token.
func KeyringEntry(name string) (string, error) {
	text, err := keyring.Get(service, name)
	if err != nil {
		return "", fmt.Errorf("read %q of %q from the keyring: %w", name, service, err)
	}
	return text, nil
}

// The keyring cannot be listed, so the names (never the values) stand in a file.
func (v *Vault) namesFile() string  { return filepath.Join(v.dir, "secrets.json") }
func (v *Vault) valuesFile() string { return filepath.Join(v.dir, "secrets.age") }

func (v *Vault) readNames() (map[string]string, error) {
	names := map[string]string{}
	data, err := os.ReadFile(v.namesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return names, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the names of kept secrets: %w", err)
	}
	if err := json.Unmarshal(data, &names); err != nil {
		return nil, corrupt(v.namesFile(), err)
	}
	return names, nil
}

func (v *Vault) writeNames(names map[string]string) error {
	data, err := json.MarshalIndent(names, "", "  ")
	if err != nil {
		return err
	}
	return v.write(v.namesFile(), data)
}

func (v *Vault) readFile() (map[string]string, error) {
	values := map[string]string{}
	sealed, err := os.ReadFile(v.valuesFile())
	if errors.Is(err, fs.ErrNotExist) {
		return values, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read kept secrets: %w", err)
	}
	passphrase := v.passphrase()
	if passphrase == "" {
		return nil, noPlace()
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("open kept secrets: %w", err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), identity)
	if err != nil {
		if _, wrong := errors.AsType[*age.NoIdentityMatchError](err); wrong {
			return nil, &diag.Error{Finding: diag.Finding{
				Code: "A130", Severity: diag.SeverityError,
				Message: "the passphrase does not open the kept secrets",
				Fix:     "set CLODO_SECRETS_PASSPHRASE to the passphrase they were kept under",
			}, State: diag.NothingChanged, Exit: diag.ExitAuth, Err: err}
		}
		return nil, corrupt(v.valuesFile(), err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, corrupt(v.valuesFile(), err)
	}
	if err := json.Unmarshal(plain, &values); err != nil {
		return nil, corrupt(v.valuesFile(), err)
	}
	return values, nil
}

func (v *Vault) writeFile(ref secret.Ref, value secret.Value) error {
	passphrase := v.passphrase()
	if passphrase == "" {
		return noPlace()
	}
	values, err := v.readFile()
	if err != nil {
		return err
	}
	values[ref.String()] = value.Reveal()
	plain, err := json.Marshal(values)
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return fmt.Errorf("seal kept secrets: %w", err)
	}
	if v.workFactor != 0 {
		recipient.SetWorkFactor(v.workFactor)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return fmt.Errorf("seal kept secrets: %w", err)
	}
	return v.write(v.valuesFile(), sealed.Bytes())
}

// write replaces file as a whole, readable by its owner only.
func (v *Vault) write(file string, data []byte) error {
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		return fmt.Errorf("keep a secret: %w", err)
	}
	tmp, err := os.CreateTemp(v.dir, ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("keep a secret: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("keep a secret: %w", err)
	}
	return nil
}

func noPlace() error {
	return &diag.Error{Finding: diag.Finding{
		Code: "A131", Severity: diag.SeverityError,
		Message: "there is no place to keep a secret on this machine",
		Why:     "no keyring answers here, and no passphrase for the encrypted file was given",
		Fix:     "set CLODO_SECRETS_PASSPHRASE, or deploy the Worker first: then the secret goes straight to it",
	}, State: diag.NothingChanged, Exit: diag.ExitAuth}
}

func corrupt(file string, err error) error {
	return &diag.Error{Finding: diag.Finding{
		Code: "A132", Severity: diag.SeverityError,
		Message: fmt.Sprintf("%s is corrupt or was tampered with", file),
		Why:     err.Error(),
		Fix:     "restore the file from a backup, or delete it and set the secrets again",
	}, State: diag.NothingChanged, Exit: diag.ExitConfig, Err: err}
}
