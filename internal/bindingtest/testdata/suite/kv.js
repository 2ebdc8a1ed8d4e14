// KVNamespace.
import { bytes, fixed, refused, shape, stream } from "./observe.js";

const text = (s) => new Response(s).text();

// put keeps a value under a key that only this case uses, and gives the key.
let count = 0;
async function put(env, value, options) {
  const key = `case-${++count}`;
  await env.KV.put(key, value, options);
  return key;
}

const inFuture = () => Math.floor(Date.now() / 1000) + 3600;

export default {
  cases: {
    // get
    "get gives text": async (env) => env.KV.get(await put(env, "hello")),
    "get of a key that is not there": (env) => env.KV.get("nothing"),
    "get as text by a word": async (env) => env.KV.get(await put(env, "hello"), "text"),
    "get as text by options": async (env) => env.KV.get(await put(env, "hello"), { type: "text" }),
    "get as JSON": async (env) => env.KV.get(await put(env, '{"a":[1,null]}'), "json"),
    "get as JSON by options": async (env) => env.KV.get(await put(env, '{"a":1}'), { type: "json" }),
    "get as JSON what is none": async (env) => {
      const key = await put(env, "no JSON");
      return refused(() => env.KV.get(key, "json"));
    },
    "get as JSON of a key that is not there": (env) => env.KV.get("nothing", "json"),
    "get as an ArrayBuffer": async (env) => env.KV.get(await put(env, bytes(0, 127, 255)), "arrayBuffer"),
    "get as a stream": async (env) => {
      const got = await env.KV.get(await put(env, "streamed"), "stream");
      return [got instanceof ReadableStream, await text(got)];
    },
    "get as a stream of a key that is not there": (env) => env.KV.get("nothing", "stream"),
    "get as something that is no type": async (env) => {
      const key = await put(env, "x");
      return refused(() => env.KV.get(key, "xml"));
    },
    "get with cacheTtl": async (env) => env.KV.get(await put(env, "cached"), { cacheTtl: 60 }),
    "get with a cacheTtl of 30": async (env) => {
      const key = await put(env, "x");
      return refused(() => env.KV.get(key, { cacheTtl: 30 }));
    },
    "get with a cacheTtl that is too short": async (env) => {
      const key = await put(env, "x");
      return refused(() => env.KV.get(key, { cacheTtl: 10 }));
    },
    "get with a cacheTtl that is no number": async (env) => {
      const key = await put(env, "x");
      return refused(() => env.KV.get(key, { cacheTtl: "x" }));
    },
    "get without a key": (env) => refused(() => env.KV.get()),
    "get of an empty key": (env) => refused(() => env.KV.get("")),
    "get of the key .": (env) => refused(() => env.KV.get(".")),
    "get of the key ..": (env) => refused(() => env.KV.get("..")),
    "get of a key that is too long": (env) => refused(() => env.KV.get("k".repeat(513))),
    "get of a number": (env) => refused(() => env.KV.get(7)),

    // getWithMetadata
    "getWithMetadata of a value without any": async (env) => env.KV.getWithMetadata(await put(env, "v")),
    "getWithMetadata": async (env) => env.KV.getWithMetadata(await put(env, "v", { metadata: { a: [1, "x"], b: null } })),
    "getWithMetadata of a key that is not there": (env) => env.KV.getWithMetadata("nothing"),
    "getWithMetadata as JSON": async (env) => env.KV.getWithMetadata(await put(env, "[1]", { metadata: "text" }), "json"),
    "getWithMetadata as an ArrayBuffer": async (env) => env.KV.getWithMetadata(await put(env, bytes(9), { metadata: 5 }), "arrayBuffer"),
    "getWithMetadata as a stream": async (env) => {
      const { value, metadata } = await env.KV.getWithMetadata(await put(env, "s", { metadata: true }), { type: "stream" });
      return [await text(value), metadata];
    },

    // put
    "put a string of emoji": async (env) => env.KV.get(await put(env, "🦊 ünï")),
    "put an empty string": async (env) => env.KV.get(await put(env, "")),
    "put an ArrayBuffer": async (env) => env.KV.get(await put(env, bytes(104, 105).buffer)),
    "put a part of a typed array": async (env) => env.KV.get(await put(env, bytes(0, 104, 105, 0).subarray(1, 3))),
    "put a stream of known length": async (env) => env.KV.get(await put(env, fixed("streamed"))),
    "put a stream of unknown length": (env) => refused(async () => env.KV.get(await put(env, stream("streamed")))),
    "put a number": (env) => refused(async () => env.KV.get(await put(env, 7))),
    "put an object": (env) => refused(async () => env.KV.get(await put(env, { a: 1 }))),
    "put null": (env) => refused(async () => env.KV.get(await put(env, null))),
    "put undefined": (env) => refused(async () => env.KV.get(await put(env, undefined))),
    "put replaces the value and its metadata": async (env) => {
      const key = await put(env, "one", { metadata: 1 });
      await env.KV.put(key, "two");
      return env.KV.getWithMetadata(key);
    },
    "put gives nothing": async (env) => env.KV.put("gives", "v"),
    "put under an empty key": (env) => refused(() => env.KV.put("", "v")),
    "put under the key .": (env) => refused(() => env.KV.put(".", "v")),
    "put under the key ..": (env) => refused(() => env.KV.put("..", "v")),
    "put under a key of 512 bytes": async (env) => {
      await env.KV.put("l".repeat(512), "long");
      return env.KV.get("l".repeat(512));
    },
    "put under a key that is too long": (env) => refused(() => env.KV.put("k".repeat(513), "v")),
    "put under a key that is too long in bytes": (env) => refused(() => env.KV.put("ü".repeat(257), "v")),
    "put under a key with slashes and signs": async (env) => {
      const key = "a/b//c?d=e&f#g%20h+i j\\k";
      await env.KV.put(key, "odd");
      return [await env.KV.get(key), (await env.KV.list({ prefix: "a/b//" })).keys];
    },
    "put under a key of emoji": async (env) => {
      await env.KV.put("🦊/ü", "fox");
      return env.KV.get("🦊/ü");
    },
    "put under a key with dots in a path": async (env) => {
      await env.KV.put("x/../y", "dots");
      return [await env.KV.get("x/../y"), await env.KV.get("y")];
    },
    "put metadata that is too large": (env) => refused(() => put(env, "v", { metadata: "m".repeat(1025) })),
    "put metadata of 1,024 bytes": async (env) => (await env.KV.getWithMetadata(await put(env, "v", { metadata: "m".repeat(1022) }))).metadata.length,
    "put null as metadata": async (env) => env.KV.getWithMetadata(await put(env, "v", { metadata: null })),
    "put with expiration": async (env) => {
      const at = inFuture();
      const key = await put(env, "v", { expiration: at });
      const { keys } = await env.KV.list({ prefix: key });
      return [await env.KV.get(key), keys[0].expiration === at];
    },
    "put with expirationTtl": async (env) => {
      const key = await put(env, "v", { expirationTtl: 3600 });
      const { keys } = await env.KV.list({ prefix: key });
      return Math.abs(keys[0].expiration - inFuture()) < 5;
    },
    "put with an expiration in the past": (env) => refused(() => env.KV.put("expires", "v", { expiration: 1 })),
    "put with an expirationTtl that is too short": (env) => refused(() => env.KV.put("expires", "v", { expirationTtl: 59 })),
    "put with an expirationTtl of 60": async (env) => env.KV.get(await put(env, "v", { expirationTtl: 60 })),
    "put with a negative expirationTtl": (env) => refused(() => env.KV.put("expires", "v", { expirationTtl: -1 })),
    "put with an expirationTtl of 0": (env) => refused(() => env.KV.put("expires", "v", { expirationTtl: 0 })),
    "put with an expirationTtl that is no number": (env) => refused(() => env.KV.put("expires", "v", { expirationTtl: "soon" })),
    "put with an expirationTtl as text": async (env) => env.KV.get(await put(env, "v", { expirationTtl: "120" })),
    "put a value that is too large": (env) => refused(() => env.KV.put("large", new Uint8Array(26_214_401))),
    "put a value of 2 MB": async (env) => (await env.KV.get(await put(env, new Uint8Array(2_000_000)), "arrayBuffer")).byteLength,

    // delete
    "delete": async (env) => {
      const key = await put(env, "v");
      return [await env.KV.delete(key), await env.KV.get(key)];
    },
    "delete of a key that is not there": (env) => env.KV.delete("nothing"),
    "delete of an empty key": (env) => refused(() => env.KV.delete("")),
    "delete of a key that is too long": (env) => refused(() => env.KV.delete("k".repeat(513))),

    // list
    "list: the keys of its answer": async (env) => shape(await env.KV.list({ prefix: "nothing-has-this" })),
    "list in the order of bytes": async (env) => {
      for (const key of ["b", "a", "Z", "ü", "a0", "a/"]) await env.KV.put("order:" + key, "v");
      return (await env.KV.list({ prefix: "order:" })).keys.map((k) => k.name);
    },
    "list with metadata and expiration": async (env) => {
      await env.KV.put("listed:a", "v", { metadata: { n: 1 }, expiration: 4_000_000_000 });
      await env.KV.put("listed:b", "v");
      return (await env.KV.list({ prefix: "listed:" })).keys;
    },
    "list in pages": async (env) => {
      for (let i = 0; i < 5; i++) await env.KV.put("page:" + i, "v");
      const pages = [];
      for (let cursor; ; ) {
        const page = await env.KV.list({ prefix: "page:", limit: 2, cursor });
        pages.push([page.keys.map((k) => k.name), page.list_complete, typeof page.cursor]);
        if (page.list_complete) return pages;
        cursor = page.cursor;
      }
    },
    "list with a limit that just fits": async (env) => {
      for (let i = 0; i < 2; i++) await env.KV.put("fits:" + i, "v");
      return (await env.KV.list({ prefix: "fits:", limit: 2 })).list_complete;
    },
    "list with a limit of 0": (env) => refused(async () => (await env.KV.list({ limit: 0, prefix: "fits:" })).keys.length),
    "list with a limit that is too large": (env) => refused(async () => (await env.KV.list({ limit: 1001, prefix: "fits:" })).keys.length),
    "list with a negative limit": (env) => refused(async () => (await env.KV.list({ limit: -1, prefix: "fits:" })).keys.length),
    "list with a cursor that is none": (env) => refused(async () => (await env.KV.list({ cursor: "???", prefix: "fits:" })).keys.length),
    "list with null options": (env) => refused(async () => typeof (await env.KV.list({ prefix: null, cursor: null, limit: null })).keys.length),
    "list finds a prefix with signs literally": async (env) => {
      await env.KV.put("100%_a", "v");
      await env.KV.put("100xya", "v");
      return (await env.KV.list({ prefix: "100%_" })).keys.map((k) => k.name);
    },
    "list after a delete": async (env) => {
      await env.KV.put("gone:a", "v");
      await env.KV.delete("gone:a");
      return (await env.KV.list({ prefix: "gone:" })).keys;
    },

    // many at once
    "get of several keys": async (env) => {
      await env.KV.put("many:a", "1");
      await env.KV.put("many:b", "2");
      return env.KV.get(["many:a", "many:b", "nothing"]);
    },
    "get of several keys as JSON": async (env) => {
      await env.KV.put("json:a", '{"n":1}');
      return env.KV.get(["json:a", "nothing"], "json");
    },
    "get of several keys of which one is no JSON": async (env) => {
      await env.KV.put("json:bad", "no JSON");
      return refused(() => env.KV.get(["json:bad"], "json"));
    },
    "get of several keys as an ArrayBuffer": (env) => refused(() => env.KV.get(["many:a"], "arrayBuffer")),
    "get of several keys as a stream": (env) => refused(() => env.KV.get(["many:a"], "stream")),
    "get of no keys": (env) => refused(() => env.KV.get([])),
    "get of 101 keys": (env) => refused(() => env.KV.get(Array.from({ length: 101 }, (_, i) => "k" + i))),
    "get of 100 keys": async (env) => (await env.KV.get(Array.from({ length: 100 }, (_, i) => "k" + i))).size,
    "get of a key twice": async (env) => {
      await env.KV.put("twice", "v");
      return env.KV.get(["twice", "twice"]);
    },
    "get of several with an empty key": (env) => refused(() => env.KV.get(["twice", ""])),
    "getWithMetadata of several keys": async (env) => {
      await env.KV.put("meta:a", "1", { metadata: { n: 1 } });
      await env.KV.put("meta:b", "2");
      return env.KV.getWithMetadata(["meta:a", "meta:b", "nothing"]);
    },
    "getWithMetadata of several keys as JSON": async (env) => {
      await env.KV.put("meta:j", "[1]", { metadata: "m" });
      return env.KV.getWithMetadata(["meta:j"], "json");
    },

    "the class of a namespace": (env) => env.KV.constructor.name,
    "many puts at once": async (env) => {
      await Promise.all(Array.from({ length: 20 }, (_, i) => env.KV.put("once:" + i, String(i))));
      return (await env.KV.list({ prefix: "once:" })).keys.length;
    },
  },
};
