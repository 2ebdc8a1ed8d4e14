// R2Bucket, R2Object, R2ObjectBody, R2MultipartUpload.
import { bytes, fixed, hash, hex, refused, shape, stream } from "./observe.js";

// put keeps an object under a key that only this case uses, and gives the object.
let count = 0;
const put = (env, value, options) => env.BUCKET.put(`case-${String(++count).padStart(3, "0")}`, value, options);

const text = async (object) => (object === null ? null : await object.text());

// known are fields of an object that do not differ from one run to the next.
const known = (object) => object && { size: object.size, etag: object.etag, httpEtag: object.httpEtag };

const hour = 3600_000;

// parts uploads an object of two parts.
async function parts(env, key, options) {
  const upload = await env.BUCKET.createMultipartUpload(key, options);
  return [upload, [await upload.uploadPart(1, "a".repeat(5 << 20)), await upload.uploadPart(2, "b")]];
}

export default {
  cases: {
    // put
    "put gives an object": async (env) => known(await put(env, "hello")),
    "put: the fields of an object": async (env) => {
      const o = await put(env, "hello");
      const { key, version, size, etag, httpEtag, uploaded, httpMetadata, customMetadata, checksums, storageClass } = o;
      return shape({ key, version, size, etag, httpEtag, uploaded, httpMetadata, customMetadata, checksums: checksums.toJSON(), storageClass });
    },
    "put: the range of its object": async (env) => (await put(env, "hello")).range,
    "get: the range of its object": async (env) => (await env.BUCKET.get((await put(env, "hello")).key)).range,
    "head: the range of its object": async (env) => (await env.BUCKET.head((await put(env, "hello")).key)).range,
    "put: the metadata of its object": async (env) => {
      const { httpMetadata, customMetadata, ssecKeyMd5 } = await put(env, "hello");
      return { httpMetadata, customMetadata, ssecKeyMd5 };
    },
    "the storage class of an object": async (env) => (await env.BUCKET.head((await put(env, "hello")).key)).storageClass,
    "put an empty string": async (env) => known(await put(env, "")),
    "put null": async (env) => known(await put(env, null)),
    "put an ArrayBuffer": async (env) => known(await put(env, bytes(1, 2, 3).buffer)),
    "put a part of a typed array": async (env) => text(await env.BUCKET.get((await put(env, bytes(0, 104, 105, 0).subarray(1, 3))).key)),
    "put a Blob": async (env) => text(await env.BUCKET.get((await put(env, new Blob(["blob"]))).key)),
    "put a stream of known length": async (env) => text(await env.BUCKET.get((await put(env, fixed("streamed"))).key)),
    "put a stream of unknown length": (env) => refused(async () => known(await put(env, stream("streamed")))),
    "put a number": (env) => refused(async () => known(await put(env, 7))),
    "put an object": (env) => refused(async () => known(await put(env, { a: 1 }))),
    "put under an empty key": (env) => refused(() => env.BUCKET.put("", "v").then(known)),
    "put under a key of 1,024 bytes": async (env) => (await env.BUCKET.put("l".repeat(1024), "v")).size,
    "put under a key that is too long": (env) => refused(() => env.BUCKET.put("k".repeat(1025), "v")),
    "put under a key with slashes and signs": async (env) => {
      const key = "a/b//c?d=e&f#g%20h+i j\\k/../l";
      await env.BUCKET.put(key, "odd");
      return [await text(await env.BUCKET.get(key)), (await env.BUCKET.list({ prefix: "a/b//" })).objects.map((o) => o.key)];
    },
    "put under a key of emoji": async (env) => {
      await env.BUCKET.put("🦊/ü", "fox");
      return text(await env.BUCKET.get("🦊/ü"));
    },
    "put replaces an object": async (env) => {
      const first = await put(env, "one", { customMetadata: { a: "1" } });
      const second = await env.BUCKET.put(first.key, "two");
      const got = await env.BUCKET.get(first.key);
      return [first.version !== second.version, await text(got), got.customMetadata];
    },
    "put a megabyte": async (env) => (await (await env.BUCKET.get((await put(env, new Uint8Array(1_000_000))).key)).arrayBuffer()).byteLength,

    // metadata
    "put with HTTP metadata": async (env) => {
      const { key } = await put(env, "v", {
        httpMetadata: { contentType: "text/x", contentLanguage: "de", contentDisposition: "inline", contentEncoding: "identity", cacheControl: "no-store", cacheExpiry: new Date(4e12) },
      });
      return (await env.BUCKET.head(key)).httpMetadata;
    },
    "put with HTTP metadata as Headers": async (env) => {
      const { key } = await put(env, "v", { httpMetadata: new Headers({ "Content-Type": "text/y", "Cache-Control": "max-age=1", Other: "ignored" }) });
      return (await env.BUCKET.head(key)).httpMetadata;
    },
    "put with an Expires header": async (env) => {
      const { key } = await put(env, "v", { httpMetadata: new Headers({ Expires: "Wed, 21 Oct 2026 07:28:00 GMT" }) });
      return (await env.BUCKET.head(key)).httpMetadata.cacheExpiry?.toISOString();
    },
    "put with custom metadata": async (env) => {
      const { key } = await put(env, "v", { customMetadata: { a: "1", B: "ü", "with space": "" } });
      return (await env.BUCKET.head(key)).customMetadata;
    },
    "put with custom metadata that is too large": (env) => refused(async () => known(await put(env, "v", { customMetadata: { a: "x".repeat(9000) } }))),
    "put with custom metadata that is no text": (env) => refused(async () => (await put(env, "v", { customMetadata: { a: 1 } })).customMetadata),
    "writeHttpMetadata": async (env) => {
      const { key } = await put(env, "v", { httpMetadata: { contentType: "text/x", contentLanguage: "de", cacheControl: "no-store", cacheExpiry: new Date(4e12) } });
      const headers = new Headers();
      (await env.BUCKET.head(key)).writeHttpMetadata(headers);
      return headers;
    },
    "writeHttpMetadata of an object without any": async (env) => {
      const headers = new Headers();
      (await put(env, "v")).writeHttpMetadata(headers);
      return headers;
    },
    "put with a storage class": async (env) => (await put(env, "v", { storageClass: "InfrequentAccess" })).storageClass,
    "put with a storage class that is none": (env) => refused(async () => (await put(env, "v", { storageClass: "Cold" })).storageClass),

    // checksums
    "put with the right MD5": async (env) => known(await put(env, "hello", { md5: "5d41402abc4b2a76b9719d911017c592" })),
    "put with the wrong MD5": (env) => refused(async () => known(await put(env, "hello", { md5: "00000000000000000000000000000000" }))),
    "put with the MD5 as bytes": async (env) => known(await put(env, "hello", { md5: bytes(0x5d, 0x41, 0x40, 0x2a, 0xbc, 0x4b, 0x2a, 0x76, 0xb9, 0x71, 0x9d, 0x91, 0x10, 0x17, 0xc5, 0x92) })),
    "put with an MD5 of the wrong length": (env) => refused(async () => known(await put(env, "hello", { md5: "00" }))),
    ...Object.fromEntries(
      ["sha1", "sha256", "sha384", "sha512"].flatMap((name) => {
        const algorithm = name.replace("sha", "SHA-");
        return [
          [`put with the right ${name}`, async (env) => {
            const { key } = await put(env, "hello", { [name]: await hash(algorithm, "hello") });
            return Object.keys((await env.BUCKET.head(key)).checksums.toJSON());
          }],
          [`put with the wrong ${name}`, (env) => refused(async () => known(await put(env, "hello", { [name]: await hash(algorithm, "other") })))],
        ];
      }),
    ),
    "put with two checksums": (env) => refused(async () => known(await put(env, "hello", { md5: "5d41402abc4b2a76b9719d911017c592", sha1: await hash("SHA-1", "hello") }))),
    "checksums are ArrayBuffers": async (env) => {
      const { key } = await put(env, "hello", { sha256: await hash("SHA-256", "hello") });
      const { checksums } = await env.BUCKET.head(key);
      return [checksums.sha256 instanceof ArrayBuffer, hex(checksums.sha256) === hex(await hash("SHA-256", "hello")), checksums.sha1];
    },
    "the MD5 is always known": async (env) => (await env.BUCKET.head((await put(env, "hello")).key)).checksums.toJSON(),

    // get and head
    "get": async (env) => {
      const got = await env.BUCKET.get((await put(env, "hello")).key);
      return [known(got), await got.text()];
    },
    "get of a key that is not there": (env) => env.BUCKET.get("nothing"),
    "get of an empty key": (env) => refused(async () => known(await env.BUCKET.get(""))),
    "get of a key that is too long": (env) => refused(() => env.BUCKET.get("k".repeat(1025))),
    "get as JSON": async (env) => (await env.BUCKET.get((await put(env, '{"a":1}')).key)).json(),
    "get as an ArrayBuffer": async (env) => (await env.BUCKET.get((await put(env, bytes(0, 255))).key)).arrayBuffer(),
    "get as bytes": async (env) => (await env.BUCKET.get((await put(env, bytes(0, 255))).key)).bytes(),
    "get as a Blob": async (env) => {
      const blob = await (await env.BUCKET.get((await put(env, "hello", { httpMetadata: { contentType: "text/x" } })).key)).blob();
      return [blob.type, await blob.text()];
    },
    "get as a stream": async (env) => {
      const { body } = await env.BUCKET.get((await put(env, "hello")).key);
      return [body instanceof ReadableStream, await new Response(body).text()];
    },
    "a body is read once": async (env) => {
      const got = await env.BUCKET.get((await put(env, "hello")).key);
      const before = got.bodyUsed;
      await got.text();
      return [before, got.bodyUsed, await refused(() => got.text())];
    },
    "head": async (env) => {
      const o = await env.BUCKET.head((await put(env, "hello")).key);
      return [known(o), "body" in o];
    },
    "head of a key that is not there": (env) => env.BUCKET.head("nothing"),
    "head of an empty key": (env) => refused(async () => known(await env.BUCKET.head(""))),
    "the classes": async (env) => {
      const { key } = await put(env, "v");
      return [env.BUCKET.constructor.name, (await env.BUCKET.head(key)).constructor.name, (await env.BUCKET.get(key)).constructor.name];
    },

    // ranges
    ...Object.fromEntries(
      [
        ["offset", { offset: 3 }], ["length", { length: 4 }], ["offset and length", { offset: 2, length: 3 }], ["suffix", { suffix: 2 }],
        ["offset 0", { offset: 0 }], ["a length beyond the end", { offset: 8, length: 100 }], ["a suffix beyond the beginning", { suffix: 100 }],
        ["an offset at the end", { offset: 10 }], ["an offset beyond the end", { offset: 11 }], ["length 0", { offset: 0, length: 0 }],
        ["suffix 0", { suffix: 0 }], ["a negative offset", { offset: -1 }], ["nothing", {}], ["suffix and offset", { suffix: 1, offset: 1 }],
        ["a Range header", new Headers({ Range: "bytes=2-4" })], ["a Range header to the end", new Headers({ Range: "bytes=7-" })],
        ["a Range header from the end", new Headers({ Range: "bytes=-3" })], ["two ranges in a header", new Headers({ Range: "bytes=0-1,3-4" })],
        ["a Range header that is none", new Headers({ Range: "lines=1-2" })], ["Headers without a range", new Headers()],
      ].map(([name, range]) => [`get with a range: ${name}`, (env) => refused(async () => {
        const got = await env.BUCKET.get((await put(env, "0123456789")).key, { range });
        return [got.size, got.range, await got.text()];
      })]),
    ),
    "get with a range of an object that is empty": (env) => refused(async () => (await env.BUCKET.get((await put(env, "")).key, { range: { offset: 0, length: 1 } })).size),

    // conditions
    ...Object.fromEntries(
      [
        ["the right etag", (o) => ({ etagMatches: o.etag })], ["another etag", () => ({ etagMatches: "other" })], ["any etag", () => ({ etagMatches: "*" })],
        ["not another etag", () => ({ etagDoesNotMatch: "other" })], ["not this etag", (o) => ({ etagDoesNotMatch: o.etag })], ["no etag at all", () => ({ etagDoesNotMatch: "*" })],
        ["uploaded before later", (o) => ({ uploadedBefore: new Date(o.uploaded.getTime() + hour) })],
        ["uploaded before earlier", (o) => ({ uploadedBefore: new Date(o.uploaded.getTime() - hour) })],
        ["uploaded after earlier", (o) => ({ uploadedAfter: new Date(o.uploaded.getTime() - hour) })],
        ["uploaded after later", (o) => ({ uploadedAfter: new Date(o.uploaded.getTime() + hour) })],
        ["the right etag, uploaded before earlier", (o) => ({ etagMatches: o.etag, uploadedBefore: new Date(o.uploaded.getTime() - hour) })],
        ["another etag, uploaded before later", (o) => ({ etagMatches: "other", uploadedBefore: new Date(o.uploaded.getTime() + hour) })],
        ["secondsGranularity", (o) => ({ uploadedBefore: new Date(o.uploaded.getTime() + 1000), secondsGranularity: true })],
        ["If-Match", (o) => new Headers({ "If-Match": o.httpEtag })], ["If-Match of another", () => new Headers({ "If-Match": '"other"' })],
        ["If-None-Match", (o) => new Headers({ "If-None-Match": o.httpEtag })], ["If-None-Match of a list", (o) => new Headers({ "If-None-Match": `"other", ${o.httpEtag}` })],
        ["If-None-Match, weak", (o) => new Headers({ "If-None-Match": `W/${o.httpEtag}` })],
        ["If-Modified-Since later", () => new Headers({ "If-Modified-Since": new Date(4e12).toUTCString() })],
        ["If-Unmodified-Since earlier", () => new Headers({ "If-Unmodified-Since": new Date(0).toUTCString() })],
      ].flatMap(([name, onlyIf]) => [
        [`get if: ${name}`, (env) => refused(async () => {
          const o = await put(env, "hello");
          const got = await env.BUCKET.get(o.key, { onlyIf: onlyIf(o) });
          return got && ["body" in got && got.body !== undefined, got.size];
        })],
        [`put if: ${name}`, (env) => refused(async () => {
          const o = await put(env, "hello");
          const did = await env.BUCKET.put(o.key, "changed", { onlyIf: onlyIf(o) });
          return [did && did.size, await text(await env.BUCKET.get(o.key))];
        })],
      ]),
    ),
    "put if there is nothing yet": async (env) => {
      const twice = [await env.BUCKET.put("fresh-key", "1", { onlyIf: { etagDoesNotMatch: "*" } }), await env.BUCKET.put("fresh-key", "2", { onlyIf: { etagDoesNotMatch: "*" } })];
      await env.BUCKET.delete("fresh-key");
      return twice.map((o) => o && o.size);
    },
    "put if, with an etag in quotes": (env) => refused(async () => known(await put(env, "v", { onlyIf: { etagMatches: '"x"' } }))),

    // customer keys
    "put and get with a key of one's own": async (env) => {
      const ssecKey = "ab".repeat(32);
      const o = await put(env, "secret", { ssecKey });
      return [o.ssecKeyMd5, await text(await env.BUCKET.get(o.key, { ssecKey }))];
    },
    "get without the key of its own": (env) => refused(async () => {
      const o = await put(env, "secret", { ssecKey: "ab".repeat(32) });
      return text(await env.BUCKET.get(o.key));
    }),
    "get with another key": (env) => refused(async () => {
      const o = await put(env, "secret", { ssecKey: "ab".repeat(32) });
      return text(await env.BUCKET.get(o.key, { ssecKey: "cd".repeat(32) }));
    }),
    "put with a key of the wrong length": (env) => refused(async () => known(await put(env, "v", { ssecKey: "ab" }))),
    "head of an object with a key of its own": async (env) => {
      const o = await put(env, "secret", { ssecKey: "ab".repeat(32) });
      return refused(async () => (await env.BUCKET.head(o.key)).ssecKeyMd5);
    },

    // delete
    "delete": async (env) => {
      const { key } = await put(env, "v");
      return [await env.BUCKET.delete(key), await env.BUCKET.get(key)];
    },
    "delete of a key that is not there": (env) => env.BUCKET.delete("nothing"),
    "delete of several keys": async (env) => {
      const keys = [(await put(env, "v")).key, (await put(env, "v")).key];
      await env.BUCKET.delete([...keys, "nothing"]);
      return Promise.all(keys.map((key) => env.BUCKET.head(key)));
    },
    "delete of no keys": (env) => refused(() => env.BUCKET.delete([])),
    "delete of 1,001 keys": (env) => refused(() => env.BUCKET.delete(Array.from({ length: 1001 }, (_, i) => "k" + i))),
    "delete of an empty key": (env) => refused(() => env.BUCKET.delete("")),

    // list
    "list: the keys of its answer": async (env) => shape(await env.BUCKET.list({ prefix: "nothing-has-this" })),
    "list in the order of bytes": async (env) => {
      for (const key of ["b", "a", "Z", "ü", "a0", "a/"]) await env.BUCKET.put("order:" + key, "v");
      return (await env.BUCKET.list({ prefix: "order:" })).objects.map((o) => o.key);
    },
    "list in pages": async (env) => {
      for (let i = 0; i < 5; i++) await env.BUCKET.put("page:" + i, "v");
      const pages = [];
      for (let cursor; ; ) {
        const page = await env.BUCKET.list({ prefix: "page:", limit: 2, cursor });
        pages.push([page.objects.map((o) => o.key), page.truncated, typeof page.cursor]);
        if (!page.truncated) return pages;
        cursor = page.cursor;
      }
    },
    "list from a key on": async (env) => (await env.BUCKET.list({ prefix: "page:", startAfter: "page:2" })).objects.map((o) => o.key),
    "list with a delimiter": async (env) => {
      for (const key of ["a/1", "a/2", "b/1", "c"]) await env.BUCKET.put("tree:" + key, "v");
      const { objects, delimitedPrefixes, truncated } = await env.BUCKET.list({ prefix: "tree:", delimiter: "/" });
      return [objects.map((o) => o.key), delimitedPrefixes, truncated];
    },
    "list with a delimiter in pages": async (env) => {
      const pages = [];
      for (let cursor; ; ) {
        const page = await env.BUCKET.list({ prefix: "tree:", delimiter: "/", limit: 1, cursor });
        pages.push([page.objects.map((o) => o.key), page.delimitedPrefixes]);
        if (!page.truncated) return pages;
        cursor = page.cursor;
      }
    },
    "list within a prefix with a delimiter": async (env) => {
      const { objects, delimitedPrefixes } = await env.BUCKET.list({ prefix: "tree:a/", delimiter: "/" });
      return [objects.map((o) => o.key), delimitedPrefixes];
    },
    "list with a long delimiter": async (env) => (await env.BUCKET.list({ prefix: "tree:", delimiter: "/1" })).delimitedPrefixes,
    "list with metadata": async (env) => {
      await env.BUCKET.put("with:a", "v", { httpMetadata: { contentType: "text/x" }, customMetadata: { a: "1" } });
      const { objects } = await env.BUCKET.list({ prefix: "with:", include: ["httpMetadata", "customMetadata"] });
      return objects.map((o) => [o.httpMetadata, o.customMetadata]);
    },
    "list without metadata": async (env) => {
      await env.BUCKET.put("with:a", "v", { httpMetadata: { contentType: "text/x" }, customMetadata: { a: "1" } });
      return (await env.BUCKET.list({ prefix: "with:" })).objects.map((o) => [o.httpMetadata, o.customMetadata]);
    },
    "list with one kind of metadata": async (env) => (await env.BUCKET.list({ prefix: "with:", include: ["customMetadata"] })).objects.map((o) => [o.httpMetadata, o.customMetadata]),
    "list with a limit of 0": (env) => refused(async () => (await env.BUCKET.list({ prefix: "page:", limit: 0 })).objects.length),
    "list with a limit that is too large": (env) => refused(async () => (await env.BUCKET.list({ prefix: "page:", limit: 1001 })).objects.length),
    "list with a cursor that is none": (env) => refused(async () => (await env.BUCKET.list({ prefix: "page:", cursor: "???" })).objects.length),
    "list finds a prefix with signs literally": async (env) => {
      await env.BUCKET.put("100%_a", "v");
      await env.BUCKET.put("100xya", "v");
      return (await env.BUCKET.list({ prefix: "100%_" })).objects.map((o) => o.key);
    },

    // in parts
    "an upload in parts": async (env) => {
      const [upload, done] = await parts(env, "parts-whole", { customMetadata: { a: "1" }, httpMetadata: { contentType: "text/x" } });
      const o = await upload.complete(done);
      const got = await env.BUCKET.get("parts-whole");
      return [upload.key, typeof upload.uploadId, done.map((p) => [p.partNumber, typeof p.etag]), o.size, /-2$/.test(o.etag), got.customMetadata, got.httpMetadata, (await got.arrayBuffer()).byteLength];
    },
    "an object in parts has no MD5": async (env) => (await env.BUCKET.head("parts-whole")).checksums.toJSON(),
    "a range over two parts": async (env) => text(await env.BUCKET.get("parts-whole", { range: { offset: (5 << 20) - 2 } })),
    "an upload that is not complete is no object": async (env) => {
      const upload = await env.BUCKET.createMultipartUpload("parts-open");
      await upload.uploadPart(1, "v");
      return env.BUCKET.head("parts-open");
    },
    "an upload of one small part": async (env) => {
      const upload = await env.BUCKET.createMultipartUpload("parts-one");
      return (await upload.complete([await upload.uploadPart(1, "small")])).size;
    },
    "an upload of no parts": (env) => refused(async () => (await (await env.BUCKET.createMultipartUpload("parts-none")).complete([])).size),
    "a part that is too small": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-small");
      return (await upload.complete([await upload.uploadPart(1, "a"), await upload.uploadPart(2, "b")])).size;
    }),
    "parts of different sizes": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-sizes");
      const done = [await upload.uploadPart(1, "a".repeat(6 << 20)), await upload.uploadPart(2, "b".repeat(5 << 20)), await upload.uploadPart(3, "c")];
      return (await upload.complete(done)).size;
    }),
    "parts in another order": (env) => refused(async () => {
      const [upload, done] = await parts(env, "parts-order");
      await upload.complete(done.reverse());
      return text(await env.BUCKET.get("parts-order", { range: { suffix: 2 } }));
    }),
    "a part again": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-again");
      await upload.uploadPart(1, "first");
      await upload.complete([await upload.uploadPart(1, "second")]);
      return text(await env.BUCKET.get("parts-again"));
    }),
    "a part twice": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-twice");
      const part = await upload.uploadPart(1, "v");
      return (await upload.complete([part, part])).size;
    }),
    "a part with the wrong etag": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-etag");
      await upload.uploadPart(1, "v");
      return (await upload.complete([{ partNumber: 1, etag: "00000000000000000000000000000000" }])).size;
    }),
    "part number 0": (env) => refused(async () => (await env.BUCKET.createMultipartUpload("parts-zero")).uploadPart(0, "v")),
    "part number 10,001": (env) => refused(async () => (await env.BUCKET.createMultipartUpload("parts-many")).uploadPart(10_001, "v")),
    "part number 10,000": async (env) => (await (await env.BUCKET.createMultipartUpload("parts-last")).uploadPart(10_000, "v")).partNumber,
    "an upload given up": async (env) => {
      const upload = await env.BUCKET.createMultipartUpload("parts-abort");
      const part = await upload.uploadPart(1, "v");
      return [await upload.abort(), await refused(() => upload.uploadPart(2, "v")), await refused(() => upload.complete([part])), await refused(() => upload.abort())];
    },
    "an upload completed twice": (env) => refused(async () => {
      const upload = await env.BUCKET.createMultipartUpload("parts-double");
      const part = await upload.uploadPart(1, "v");
      return [(await upload.complete([part])).size, await refused(async () => (await upload.complete([part])).size)];
    }),
    "an upload resumed": async (env) => {
      const { key, uploadId } = await env.BUCKET.createMultipartUpload("parts-resume");
      const upload = env.BUCKET.resumeMultipartUpload(key, uploadId);
      await upload.complete([await upload.uploadPart(1, "resumed")]);
      return text(await env.BUCKET.get("parts-resume"));
    },
    "an upload resumed that is none": (env) => refused(() => env.BUCKET.resumeMultipartUpload("parts-none", "no-such-upload").uploadPart(1, "v")),
    "an upload under an empty key": (env) => refused(async () => typeof (await env.BUCKET.createMultipartUpload("")).uploadId),
    "an upload under a key that is too long": (env) => refused(async () => typeof (await env.BUCKET.createMultipartUpload("k".repeat(1025))).uploadId),
    "a part of unknown length": (env) => refused(async () => (await (await env.BUCKET.createMultipartUpload("parts-stream")).uploadPart(1, stream("v"))).partNumber),
  },
};
