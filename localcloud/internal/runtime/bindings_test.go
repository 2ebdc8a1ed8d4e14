package runtime

import (
	"strings"
	"testing"
)

// each is a Worker that answers what every use of its bindings gave, as JSON.
func each(uses ...string) string {
	return `
async function attempt(f) { try { return await f() } catch (e) { return "threw " + e.message } }
export default { async fetch(request, env, ctx) {
	const out = [];
	for (const use of [` + "() => " + strings.Join(uses, ", () => ") + `]) out.push(await attempt(use));
	return Response.json(out);
} }`
}

func TestWorkersShareTheCountersOfARateLimit(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	const binding = `{"type":"ratelimit","name":"LIMIT","namespace_id":"7","simple":{"limit":2,"period":60}}`
	use := `env.LIMIT.limit({ key: new URL(request.url).pathname }).then((r) => r.success)`
	bad := []string{`env.LIMIT.limit()`, `env.LIMIT.limit({ keys: "a" })`, `env.LIMIT.limit({ key: 1 })`, `env.LIMIT.limit({ key: "a", period: 5 })`}
	c.apply(worker("a", c.version(each(use), binding)), worker("b", c.version(each(append(bad, use)...), binding)),
		worker("c", c.version(each(use), strings.Replace(binding, `"7"`, `"8"`, 1))))
	c.want("http://a.localhost/x", 200, "[true]")
	c.want("http://a.localhost/x", 200, "[true]")
	c.want("http://b.localhost/x", 200, `["threw invalid rate limit options","threw bad rate limit options: [keys]","threw invalid key: 1","threw unsupported period: 5",false]`)
	c.want("http://a.localhost/y", 200, "[true]")
	c.want("http://c.localhost/x", 200, "[true]")
}
