package runtime

import (
	"net/http"
	"testing"
)

// preparedOf is the generation that is prepared for a group.
func (c *cloud) preparedOf(group string) *generation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prepared[group]
}

func (c *cloud) check(script string, v *Version) {
	c.t.Helper()
	if _, err := c.Check(c.t.Context(), "acc", script, v, nil); err != nil {
		c.t.Fatal(err)
	}
}

func TestADeploymentFindsItsProcessPrepared(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	one, two := c.version(`export default { fetch() { return new Response("one") } }`), c.version(`export default { fetch() { return new Response("two") } }`)
	w := worker("w", one)
	c.apply(w)
	c.want("http://w.localhost/", http.StatusOK, "one")
	c.check("w", two)
	prepared := c.preparedOf("acc#1")
	if prepared == nil {
		t.Fatal("nothing was prepared")
	}
	w.Versions = []Share{{Version: one, Percentage: 100}, {Version: two}}
	c.apply(w)
	if got := c.running["acc#1"]; got != prepared {
		t.Error("another process was started for the deployment")
	}
	c.want("http://w.localhost/", http.StatusOK, "one")
	w.Versions = []Share{{Version: two, Percentage: 100}}
	c.apply(w)
	if got := c.running["acc#1"]; got != prepared {
		t.Error("another process was started for the traffic")
	}
	c.want("http://w.localhost/", http.StatusOK, "two")
}

func TestAPreparedProcessEndsWhenNobodyNeedsIt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.apply(worker("w", c.version(`export default { fetch() { return new Response("one") } }`)))
	c.want("http://w.localhost/", http.StatusOK, "one")
	for range 2 { // the second one takes the place of the first
		c.check("w", c.version(`export default { fetch() { return new Response("two") } }`))
	}
	prepared := c.preparedOf("acc#1")
	if prepared == nil {
		t.Fatal("nothing was prepared")
	}
	c.until("the end", func() bool { return c.preparedOf("acc#1") == nil && c.Runtime.awake.Load() == 1 })
	c.want("http://w.localhost/", http.StatusOK, "one")
}

func TestWhatSleepsOrHasObjectsIsNotPrepared(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	object := c.version(`export class O { fetch() { return new Response("o") } } export default { fetch() {} }`, `{"type":"durable_object_namespace","name":"O","class_name":"O"}`)
	c.apply(worker("o", object, Class{Name: "O", Key: "key-o", SQLite: true}), worker("a", c.version(`export default { fetch() { return new Response("a") } }`)), worker("b", c.version(`export default { fetch() { return new Response("b") } }`)))
	if _, err := c.Check(t.Context(), "acc", "o", object, []Class{{Name: "O", Key: "key-o", SQLite: true}}); err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.prepared) > 0 {
		t.Errorf("prepared: %v", c.prepared)
	}
}
