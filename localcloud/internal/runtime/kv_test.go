package runtime

import "testing"

func TestAWorkerUsesAllOfKV(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.steps(func(code string) *Version {
		return c.version(code, `{"type":"kv_namespace","name":"K","namespace_id":"n"}`)
	}, []step{
		{
			"every kind of value is put and got", `
			await env.K.put("text/ü", "hello"); await env.K.put("bytes", new Uint8Array([1, 2])); await env.K.put("buffer", new ArrayBuffer(3));
			await env.K.put("stream", new Response("stream").body); await env.K.put("empty", ""); await env.K.put("json", '{"a":1}');
			return [await env.K.get("text/ü"), (await env.K.get("bytes", "arrayBuffer")).byteLength, (await env.K.get("buffer", { type: "arrayBuffer" })).byteLength,
				await new Response(await env.K.get("stream", "stream")).text(), await env.K.get("empty"), await env.K.get("json", "json"), await env.K.get("json", { cacheTtl: 30 })]`,
			`["hello",2,3,"stream","",{"a":1},"{\"a\":1}"]`,
		},
		{
			"what does not exist is null", `return [await env.K.get("x"), await env.K.getWithMetadata("x"), await env.K.delete("x") ?? null]`,
			`[null,{"value":null,"metadata":null,"cacheStatus":null},null]`,
		},
		{
			"metadata comes with the value", `
			await env.K.put("m", "v", { metadata: { a: ["ü", null] } });
			return [await env.K.getWithMetadata("m"), await env.K.getWithMetadata("json", "json")]`,
			`[{"value":"v","metadata":{"a":["ü",null]},"cacheStatus":null},{"value":{"a":1},"metadata":null,"cacheStatus":null}]`,
		},
		{"metadata that is a string comes back as one", `
			await env.K.put("s", "v", { metadata: "text" }); const { keys } = await env.K.list({ prefix: "s" });
			return [(await env.K.getWithMetadata("s")).metadata, keys.find((k) => k.name === "s").metadata]`, `["text","text"]`},
		{
			"many keys at once", `
			const map = async (m) => Object.fromEntries(await m);
			return [await map(env.K.get(["text/ü", "x"])), await map(env.K.get(["json"], "json")), await map(env.K.getWithMetadata(["m", "x"]))]`,
			`[{"text/ü":"hello","x":null},{"json":{"a":1}},{"m":{"value":"v","metadata":{"a":["ü",null]}},"x":null}]`,
		},
		{
			"lists have pages", `
			await Promise.all(["p/1", "p/2", "p/3"].map((k) => env.K.put(k, "v")));
			const one = await env.K.list({ prefix: "p/", limit: 2 }), two = await env.K.list({ prefix: "p/", limit: 2, cursor: one.cursor });
			return [one.keys, one.list_complete, typeof one.cursor, two]`,
			`[[{"name":"p/1"},{"name":"p/2"}],false,"string",{"keys":[{"name":"p/3"}],"list_complete":true,"cacheStatus":null}]`,
		},
		{"expiry is told", `
			const at = Math.floor(Date.now() / 1000);
			await env.K.put("e1", "v", { expirationTtl: 60 }); await env.K.put("e2", "v", { expiration: at + 100 });
			const { keys } = await env.K.list({ prefix: "e" });
			return keys.map((k) => [k.name, k.expiration >= at + 60 && k.expiration <= at + 102])`, `[["e1",true],["e2",true],["empty",false]]`},
		{"a TTL that is too short", `await env.K.put("k", "v", { expirationTtl: 59 })`, `"KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60."`},
		{
			"an expiration in the past", `await env.K.put("k", "v", { expiration: 1 })`,
			`"KV PUT failed: 400 Invalid expiration of 1. Please specify integer greater than the current number of seconds since the UNIX epoch."`,
		},
		{"a cache TTL that is too short", `await env.K.get("k", { cacheTtl: 29 })`, `"KV GET failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30."`},
		{"an empty key", `await env.K.put("", "v")`, `"Key name cannot be empty."`},
		{"a key of a dot", `await env.K.put(".", "v")`, `"\".\" is not allowed as a key name."`},
		{"a key that is too long", `await env.K.put("k".repeat(513), "v")`, `"KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."`},
		{"the longest key", `await env.K.put("é".repeat(256), "v"); return await env.K.get("é".repeat(256))`, `"v"`},
		{"keys that need to be quoted", `
			const keys = ["a/../b", "a%2Fb", "a b", "?q=1#f", "\u0000\n", "+", "%"]; for (const k of keys) await env.K.put(k, k);
			return (await Promise.all(keys.map((k) => env.K.get(k)))).every((v, i) => v === keys[i])`, `true`},
		{"metadata that is too large", `await env.K.put("k", "v", { metadata: "m".repeat(1023) })`, `"KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024."`},
		{"a value that is too large", `await env.K.put("k", new Uint8Array(25 * 1024 * 1024 + 1))`, `"KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400."`},
		{"the largest value", `await env.K.put("k", new Uint8Array(25 * 1024 * 1024)); return (await env.K.get("k", "arrayBuffer")).byteLength`, `26214400`},
		{"a kind of value that is none", `await env.K.get("k", "xml")`, `"Unknown response type. Possible types are \"text\", \"arrayBuffer\", \"json\", and \"stream\"."`},
		{"more than a hundred keys", `await env.K.get(Array.from({ length: 101 }, (_, i) => "k" + i))`, `"KV GET_BULK failed: 400 You can request a maximum of 100 keys"`},
		{"no keys", `await env.K.get([])`, `"KV GET_BULK failed: 400 You must request a minimum of 1 key"`},
		{"many values as JSON that are none", `await env.K.get(["json", "empty"], "json")`, `"KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value"`},
		{"many values as a stream", `await env.K.get(["json"], "stream")`, `"KV GET_BULK failed: 400 \"stream\" is not a valid type. Use \"json\" or \"text\""`},
		{"many values that are too large together", `
			await env.K.put("k2", "v".repeat(1024)); await env.K.get(["k", "k2"])`, `"KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB"`},
		{"a page that is too large", `await env.K.list({ limit: 1001 })`, `"KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000."`},
		{"what is deleted is gone", `await env.K.delete("m"); return await env.K.get("m")`, `null`},
	})
}
