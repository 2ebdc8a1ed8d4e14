package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// DeleteObjects deletes the durable objects of classes, named by their keys, with
// all their data. No Worker that is served may have one of them.
func (r *Runtime) DeleteObjects(keys ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		if !validKey(key) {
			return fmt.Errorf("durable object class key %q is no name of a folder", key)
		}
		for _, w := range r.state.Workers {
			if slices.ContainsFunc(w.Classes, func(c Class) bool { return c.Key == key }) {
				return fmt.Errorf("the objects of class key %q belong to the Worker %q, which is served", key, w.Script)
			}
		}
		if err := os.RemoveAll(filepath.Join(r.options.Dir, objectsFolder, key)); err != nil {
			return fmt.Errorf("deleting durable objects: %w", err)
		}
	}
	return nil
}

// validKey keeps a class's key from being a path.
func validKey(key string) bool {
	return key != "" && key != "." && filepath.IsLocal(key) && filepath.Base(key) == key
}
