// The Cache API.
import { bytes, fixed, refused, stream } from "./observe.js";

// fresh is a URL that only this case uses.
let count = 0;
const fresh = () => `https://suite.example/case-${++count}`;

const minute = { "cache-control": "max-age=60" };
const keep = (body, headers = {}, init = {}) => new Response(body, { ...init, headers: { ...minute, ...headers } });

// found is what a cache has for a request: its status and its text.
async function found(request, cache = caches.default) {
  const got = await cache.match(request);
  return got && [got.status, await got.text()];
}

// kept is what is found after a response was put.
async function kept(response, init) {
  const url = fresh();
  await caches.default.put(url, response);
  return found(init ? new Request(url, init) : url);
}

// header is one of the headers of what is found.
async function header(name, response, init) {
  const url = fresh();
  await caches.default.put(url, response);
  const got = await caches.default.match(new Request(url, init));
  await got.arrayBuffer();
  return got.headers.get(name);
}

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toUTCString();
const asked = (headers) => ({ headers });
const range = (value) => kept(keep("0123456789", { "content-length": "10" }), asked({ range: value }));
const tagged = (tag, value) => kept(keep("x", { etag: tag }), asked({ "if-none-match": value }));
const modified = "Tue, 13 Sep 2022 12:00:00 GMT";
const since = (value, last = modified) => kept(keep("x", { "last-modified": last }), asked({ "if-modified-since": value }));
const control = (value, headers = {}) => kept(keep("x", { ...headers, "cache-control": value }));

export default {
  cases: {
    // what is put
    "a text": () => kept(keep("hello")),
    "a text with its headers": () => header("x-a", keep("x", { "x-a": "grüezi" })),
    "an empty text": () => kept(keep("")),
    "no body": () => kept(keep(null)),
    "bytes": async () => {
      const url = fresh();
      await caches.default.put(url, keep(bytes(0, 13, 10, 255)));
      return (await caches.default.match(url)).arrayBuffer();
    },
    "a stream of unknown length": () => kept(keep(stream("streamed"))),
    "a stream of known length": () => kept(keep(fixed("fixed"))),
    "a megabyte": async () => (await kept(keep("x".repeat(1 << 20))))[1].length,
    "JSON": () => kept(Response.json({ a: 1 }, { headers: minute })),
    "a form": async () => typeof (await kept(keep(new URLSearchParams("a=b")))),
    "compressed": () => kept(keep("a".repeat(100), { "content-encoding": "gzip" })),
    "compressed, and its header": () => header("content-encoding", keep("a".repeat(100), { "content-encoding": "gzip" })),
    "a response that was matched": async () => {
      const [a, b] = [fresh(), fresh()];
      await caches.default.put(a, keep("again", { "x-a": "1" }));
      await caches.default.put(b, await caches.default.match(a));
      return found(b);
    },
    "a clone": async () => {
      const url = fresh();
      const response = keep("cloned");
      await caches.default.put(url, response.clone());
      return [await response.text(), await found(url)];
    },
    "the body is used then": async () => {
      const response = keep("x");
      await caches.default.put(fresh(), response);
      return response.bodyUsed;
    },
    "a response whose body was used": async () => {
      const response = keep("x");
      await response.text();
      return refused(() => caches.default.put(fresh(), response));
    },
    "put gives nothing": () => caches.default.put(fresh(), keep("x")),
    "put replaces": async () => {
      const url = fresh();
      await caches.default.put(url, keep("first"));
      await caches.default.put(url, keep("second"));
      return found(url);
    },
    "put of what is not kept leaves what is there": async () => {
      const url = fresh();
      await caches.default.put(url, keep("first"));
      await caches.default.put(url, keep("second", { "cache-control": "no-store" }));
      return found(url);
    },
    "put of what is stale already replaces": async () => {
      const url = fresh();
      await caches.default.put(url, keep("first"));
      await caches.default.put(url, keep("second", { "cache-control": "max-age=0" }));
      return found(url);
    },
    "many puts at once": async () => {
      const url = fresh();
      await Promise.all(Array.from({ length: 10 }, () => caches.default.put(url, keep("same"))));
      return found(url);
    },

    // statuses
    "status 404": () => kept(keep("x", {}, { status: 404 })),
    "status 301": () => kept(keep(null, { location: "/" }, { status: 301 })),
    "status 302": () => kept(keep(null, { location: "/" }, { status: 302 })),
    "status 204": () => kept(keep(null, {}, { status: 204 })),
    "status 500": () => kept(keep("x", {}, { status: 500 })),
    "status 403": () => kept(keep("x", {}, { status: 403 })),
    "status 206": () => refused(() => caches.default.put(fresh(), keep("x", {}, { status: 206 }))),
    "status 304": () => kept(keep(null, {}, { status: 304 })),
    "an error": () => refused(() => caches.default.put(fresh(), Response.error())),
    "a WebSocket": () => refused(() => caches.default.put(fresh(), new Response(null, { status: 101, webSocket: new WebSocketPair()[0] }))),

    // how long
    "nothing said": () => kept(new Response("x")),
    "nothing said, and 404": () => kept(new Response("x", { status: 404 })),
    "nothing said, and 403": () => kept(new Response("x", { status: 403 })),
    "max-age=0": () => control("max-age=0"),
    "a max-age that is none": () => control("max-age=soon"),
    "a negative max-age": () => control("max-age=-1"),
    "s-maxage": () => control("s-maxage=60"),
    "s-maxage before max-age": () => control("max-age=60, s-maxage=0"),
    "max-age before Expires": () => control("max-age=60", { expires: ago(60) }),
    "public": () => control("public, max-age=60"),
    "immutable": () => control("max-age=60, immutable"),
    "must-revalidate": () => control("max-age=60, must-revalidate"),
    "stale-while-revalidate": () => control("max-age=0, stale-while-revalidate=60"),
    "private": () => control("private, max-age=60"),
    "no-store": () => control("no-store"),
    "no-cache": () => control("no-cache"),
    "in capitals": () => control("NO-STORE"),
    "Expires": () => kept(new Response("x", { headers: { expires: ago(-60) } })),
    "Expires in the past": () => kept(new Response("x", { headers: { expires: ago(60) } })),
    "Expires that is no time": () => kept(new Response("x", { headers: { expires: "0" } })),
    "an age": () => control("max-age=60", { age: "30" }),
    "an age beyond its time": () => control("max-age=60", { age: "90" }),
    "a cookie": () => control("max-age=60", { "set-cookie": "a=b" }),
    "a cookie that is private": () => control("max-age=60, private=set-cookie", { "set-cookie": "a=b" }),
    "a cookie that is private, in capitals": () => control("private=Set-Cookie, max-age=60", { "set-cookie": "a=b" }),
    "a cookie that is private, and the header": () => header("set-cookie", keep("x", { "cache-control": "max-age=60, private=set-cookie", "set-cookie": "a=b" })),
    "Vary": () => control("max-age=60", { vary: "accept" }),
    "Vary: *": () => refused(() => caches.default.put(fresh(), keep("x", { vary: "*" }))),
    "Vary: accept, *": () => refused(() => caches.default.put(fresh(), keep("x", { vary: "accept, *" }))),

    // what is found
    "nothing": () => found(fresh()),
    "whether it comes from the cache": () => header("cf-cache-status", keep("x")),
    "how old it is": async () => Number(await header("age", keep("x", { age: "30" }))) >= 30,
    "Cache-Control": () => header("cache-control", keep("x")),
    "the type": () => header("content-type", keep("x", { "content-type": "text/x" })),
    "the type of bytes": () => header("content-type", keep(bytes(1))),
    "two headers of a name": async () => {
      const response = keep("x");
      response.headers.append("x-two", "a");
      response.headers.append("x-two", "b");
      return header("x-two", response);
    },
    "headers of the request": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return found(new Request(url, asked({ accept: "text/x", cookie: "a=b", "cache-control": "no-cache", pragma: "no-cache" })));
    },
    "the response's own URL": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return (await caches.default.match(url)).url;
    },
    "what is found can be found again": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return [await found(url), await found(url)];
    },
    "its headers can be changed": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return refused(async () => (await caches.default.match(url)).headers.set("x-a", "1"));
    },

    // conditions
    "If-None-Match": () => tagged('"v1"', '"v1"'),
    "If-None-Match with a weak tag": () => tagged('"v1"', 'W/"v1"'),
    "If-None-Match of a weak tag": () => tagged('W/"v1"', '"v1"'),
    "If-None-Match with several tags": () => tagged('"v1"', '"v0" , "v1"'),
    "If-None-Match with another tag": () => tagged('"v1"', '"v2"'),
    "If-None-Match with any tag": () => tagged('"v1"', "*"),
    "If-None-Match without a tag": () => kept(keep("x"), asked({ "if-none-match": '"v1"' })),
    "If-None-Match and the tag": () => header("etag", keep("x", { etag: '"v1"' }), asked({ "if-none-match": '"v1"' })),
    "If-Modified-Since": () => since(modified),
    "If-Modified-Since after it": () => since("Tue, 13 Sep 2022 13:00:00 GMT"),
    "If-Modified-Since before it": () => since("Tue, 13 Sep 2022 11:00:00 GMT"),
    "If-Modified-Since that is no time": () => since("13 Sep 2022 13:00:00 GMT"),
    "If-Modified-Since of what has no time": () => kept(keep("x"), asked({ "if-modified-since": modified })),
    "a tag that differs before a time that does not": () =>
      kept(keep("x", { etag: '"v1"', "last-modified": modified }), asked({ "if-none-match": '"v2"', "if-modified-since": modified })),

    // ranges
    "a range": () => range("bytes=2-4"),
    "a range from": () => range("bytes=7-"),
    "a range to the end": () => range("bytes=-3"),
    "a range beyond the end": () => range("bytes=5-99"),
    "a range that there is not": async () => (await range("bytes=20-"))[0],
    "a range of something else": () => range("lines=1-2"),
    "a range that is none": () => range("bytes=x"),
    "a range of a stream": () => kept(keep(stream("0123456789")), asked({ range: "bytes=2-4" })),
    "a range's place": () => header("content-range", keep("0123456789"), asked({ range: "bytes=2-4" })),
    "a range's length": () => header("content-length", keep("0123456789"), asked({ range: "bytes=2-4" })),
    "two ranges": async () => (await range("bytes=1-2,5-6"))[0],

    // by what
    "a URL object": async () => {
      const url = fresh();
      await caches.default.put(new URL(url), keep("x"));
      return found(new URL(url));
    },
    "a Request": async () => {
      const url = fresh();
      await caches.default.put(new Request(url), keep("x"));
      return found(url);
    },
    "another query": async () => {
      const url = fresh();
      await caches.default.put(url + "?a=1&b=2", keep("x"));
      return [await found(url + "?a=1&b=2"), await found(url + "?b=2&a=1"), await found(url)];
    },
    "http and https": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return found(url.replace("https", "http"));
    },
    "the usual port": async () => {
      const url = fresh();
      await caches.default.put(url.replace(".example", ".example:443"), keep("x"));
      return found(url);
    },
    "another port": async () => {
      const url = fresh();
      await caches.default.put(url.replace(".example", ".example:8443"), keep("x"));
      return found(url);
    },
    "a host in capitals": async () => {
      const url = fresh();
      await caches.default.put(url.replace("suite", "SUITE"), keep("x"));
      return found(url);
    },
    "escapes": async () => {
      const url = fresh();
      await caches.default.put(url + "/a%20b%2Fc/é?ü=%20", keep("x"));
      return [await found(url + "/a%20b%2Fc/é?ü=%20"), await found(url + "/a%20b/c/é?ü=%20")];
    },
    "what is no URL": () => refused(() => caches.default.match("no URL")),
    "a URL without a host": () => refused(() => caches.default.put("/path", keep("x"))),
    "a key of its own": async () => {
      const url = fresh();
      await caches.default.put(new Request(url, { cf: { cacheKey: "one" } }), keep("one"));
      return found(new Request(url, { cf: { cacheKey: "two" } }));
    },
    "with Authorization": async () => {
      const url = fresh();
      await caches.default.put(new Request(url, asked({ authorization: "Bearer x" })), keep("x"));
      return found(url);
    },
    "with Authorization, public": async () => {
      const url = fresh();
      await caches.default.put(new Request(url, asked({ authorization: "Bearer x" })), keep("x", { "cache-control": "public, max-age=60" }));
      return found(url);
    },

    // methods
    "put for a POST": () => refused(() => caches.default.put(new Request(fresh(), { method: "POST" }), keep("x"))),
    "put for a HEAD": () => refused(() => caches.default.put(new Request(fresh(), { method: "HEAD" }), keep("x"))),
    "match for a POST": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return found(new Request(url, { method: "POST" }));
    },
    "match for a POST that does not matter": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      const got = await caches.default.match(new Request(url, { method: "POST" }), { ignoreMethod: true });
      return got && got.text();
    },
    "delete": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return [await caches.default.delete(url), await caches.default.delete(url), await found(url)];
    },
    "delete of nothing": () => caches.default.delete(fresh()),
    "delete for a POST": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return [await caches.default.delete(new Request(url, { method: "POST" })), await found(url)];
    },
    "delete for a POST that does not matter": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return [await caches.default.delete(new Request(url, { method: "POST" }), { ignoreMethod: true }), await found(url)];
    },
    "add is not there": () => refused(() => caches.default.add(fresh())),

    // caches
    "caches of other names": async () => {
      const url = fresh();
      const [one, two] = [await caches.open("one"), await caches.open("two")];
      await one.put(url, keep("one"));
      return [await found(url), await found(url, one), await found(url, two), await found(url, await caches.open("one"))];
    },
    "a cache of an odd name": async () => {
      const url = fresh();
      await (await caches.open("grüezi / ü?\n")).put(url, keep("x"));
      return [await found(url, await caches.open("grüezi / ü?\n")), await found(url, await caches.open("grüezi / ü?"))];
    },
    "a cache without a name": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return found(url, await caches.open(""));
    },
    "a cache called default": async () => {
      const url = fresh();
      await caches.default.put(url, keep("x"));
      return found(url, await caches.open("default"));
    },
    "delete in one cache only": async () => {
      const url = fresh();
      const one = await caches.open("one");
      await Promise.all([one.put(url, keep("x")), caches.default.put(url, keep("x"))]);
      return [await one.delete(url), await found(url, one), await found(url)];
    },
    "a name that is too long": () => refused(() => caches.open("n".repeat(1024))),
  },
};
