package runtime

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tamylaa/clodo/localcloud/internal/r2"
)

// step is what a Worker does with its bindings, and the JSON of what it returns; an
// exception is the text of its message. Steps of one test run in order.
type step struct{ name, code, want string }

// steps runs code as the body of async functions that have env.
func (c *cloud) steps(v func(code string) *Version, list []step) {
	c.t.Helper()
	var code strings.Builder
	code.WriteString("const text = async (o) => o && o.body ? await o.text() : o && 'no body';\nconst steps = [\n")
	for _, s := range list {
		fmt.Fprintf(&code, "async (env, url) => { %s },\n", s.code)
	}
	code.WriteString(`];
export default { async fetch(request, env) {
	const url = new URL(request.url);
	try { return Response.json(await steps[Number(url.pathname.slice(1))](env, url) ?? null) } catch (e) { return Response.json(String(e.message)) }
} }`)
	c.apply(worker("steps", v(code.String())))
	for i, s := range list {
		_, got := c.get(fmt.Sprintf("http://steps.localhost/%d", i))
		if got != s.want {
			c.t.Errorf("%s:\n got %s\nwant %s", s.name, got, s.want)
		}
	}
}

func TestAWorkerUsesAllOfR2(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	if err := c.r2.CreateBucket(t.Context(), "acc/default/files"); err != nil {
		t.Fatal(err)
	}
	v := func(code string) *Version {
		return c.version(code, `{"type":"r2_bucket","name":"B","bucket_name":"files"}`, `{"type":"r2_bucket","name":"GONE","bucket_name":"gone"}`)
	}
	const hello = "5d41402abc4b2a76b9719d911017c592" // MD5
	c.steps(v, []step{
		{
			"a put answers the object", `
			const o = await env.B.put("a/ü", "hello", { customMetadata: { m: "1" }, httpMetadata: { contentType: "text/plain", cacheExpiry: new Date(5000) } });
			return [o.key, o.size, o.etag, o.httpEtag, o.version.length, o.storageClass, o.checksums.toJSON(), o.customMetadata, o.httpMetadata, Math.abs(Date.now() - o.uploaded) < 60000]`,
			`["a/ü",5,"` + hello + `","\"` + hello + `\"",32,"Standard",{"md5":"` + hello + `"},{"m":"1"},{"contentType":"text/plain","cacheExpiry":"1970-01-01T00:00:05.000Z"},true]`,
		},
		{
			"a get answers it with its content", `
			const o = await env.B.get("a/ü"); const h = new Headers(); o.writeHttpMetadata(h);
			return [await o.text(), o.size, o.customMetadata, [...h], o.range]`,
			`["hello",5,{"m":"1"},[["content-type","text/plain"],["expires","Thu, 01 Jan 1970 00:00:05 GMT"]],{"offset":0,"length":5}]`,
		},
		{"a head answers it without", `const o = await env.B.head("a/ü"); return [o.size, o.body === undefined, o.customMetadata]`, `[5,true,{"m":"1"}]`},
		{"what does not exist is null", `return [await env.B.get("x"), await env.B.head("x"), await env.B.delete("x")]`, `[null,null,null]`},
		{
			"every kind of value", `
			for (const [k, v] of Object.entries({ b: new Uint8Array([1, 2]), buffer: new ArrayBuffer(3), blob: new Blob(["abc"]), empty: "", nil: null, stream: new Response("stream").body })) await env.B.put("v/" + k, v);
			return (await env.B.list({ prefix: "v/" })).objects.map((o) => o.key + o.size)`,
			`["v/b2","v/blob3","v/buffer3","v/empty0","v/nil0","v/stream6"]`,
		},
		{"every kind of reading", `
			await env.B.put("j", '{"a":1}');
			const r = async () => await env.B.get("j");
			return [await (await r()).json(), (await (await r()).arrayBuffer()).byteLength, (await (await r()).blob()).size, (await (await r()).bytes()).length, (await r()).bodyUsed]`, `[{"a":1},7,7,7,false]`},
		{
			"ranges", `
			const r = async (range) => { const o = await env.B.get("a/ü", { range }); return [await o.text(), o.range.offset, o.range.length] };
			const h = (v) => r(new Headers({ range: v }));
			return [await r({ offset: 1 }), await r({ offset: 1, length: 2 }), await r({ length: 2 }), await r({ suffix: 2 }), await r({ suffix: 99 }), await r({ offset: 3, length: 99 }),
				await h("bytes=1-2"), await h("bytes=-2"), await h("bytes=3-"), await h("bytes=0-1,3-4"), await h("lines=1-2"), await h("bytes=2-1")]`,
			`[["ello",1,4],["el",1,2],["he",0,2],["lo",3,2],["hello",0,5],["lo",3,2],["el",1,2],["lo",3,2],["lo",3,2],["hello",0,5],["hello",0,5],["hello",0,5]]`,
		},
		{"a range behind the end", `await env.B.get("a/ü", { range: { offset: 6 } })`, `"get: The requested range is not satisfiable (10039)"`},
		{"a Range header behind the end", `await env.B.get("a/ü", { range: new Headers({ range: "bytes=9-" }) })`, `"get: The requested range is not satisfiable (10039)"`},
		{
			"conditional gets", `
			const g = async (onlyIf) => text(await env.B.get("a/ü", { onlyIf }));
			const now = Date.now();
			return [await g({ etagMatches: "` + hello + `" }), await g({ etagMatches: "x" }), await g({ etagDoesNotMatch: "` + hello + `" }), await g({ etagDoesNotMatch: "x" }),
				await g({ uploadedBefore: new Date(now + 60000) }), await g({ uploadedBefore: new Date(now - 60000) }), await g({ uploadedAfter: new Date(now + 60000) }), await g({ uploadedAfter: new Date(now - 60000) }),
				await g({ etagMatches: "*" }), await g(new Headers({ "if-none-match": 'W/"` + hello + `", "y"' })), await g(new Headers({ "if-match": 'W/"` + hello + `"' })),
				await g(new Headers({ "if-modified-since": new Date(now + 2000).toUTCString() }))]`,
			`["hello","no body","no body","hello","hello","no body","no body","hello","hello","no body","no body","no body"]`,
		},
		{
			"conditional puts", `
			const p = async (key, onlyIf) => (await env.B.put(key, "x", { onlyIf })) !== null;
			return [await p("new", { etagMatches: "*" }), await p("new", { etagDoesNotMatch: "*" }), await p("new", { etagDoesNotMatch: "*" }), await p("new", { etagMatches: "x" }), await p("a/ü", { uploadedAfter: new Date(Date.now() + 60000) })]`,
			`[false,true,false,false,false]`,
		},
		{"checksums that match are kept", `
			const digest = async (name) => new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode("hello")));
			const kept = {};
			for (const [field, name] of [["md5", "MD5"], ["sha1", "SHA-1"], ["sha256", "SHA-256"], ["sha384", "SHA-384"], ["sha512", "SHA-512"]]) {
				const o = await env.B.put("sum", "hello", { [field]: await digest(name) });
				const again = await env.B.head("sum");
				kept[field] = [new Uint8Array(o.checksums[field]).toHex() === (await digest(name)).toHex(), again.checksums.toJSON()[field].length];
			}
			return kept`, `{"md5":[true,32],"sha1":[true,40],"sha256":[true,64],"sha384":[true,96],"sha512":[true,128]}`},
		{
			"one that does not is refused", `await env.B.put("sum", "hellO", { md5: "` + hello + `" })`,
			`"put: The MD5 checksum you specified did not match what we received.\nYou provided a MD5 checksum with value: ` + hello + `\nActual MD5 was: 06612c0d9c73d47a7042afd7024d7c82 (10037)"`,
		},
		{"and leaves the object as it was", `return text(await env.B.get("sum"))`, `"hello"`},
		{"an empty key", `await env.B.put("", "x")`, `"put: The specified object name is not valid. (10020)"`},
		{"a key that is too long", `await env.B.put("k".repeat(1025), "x")`, `"put: The specified object name is not valid. (10020)"`},
		{"the longest key", `const k = "é".repeat(512); await env.B.put(k, "x"); const o = await env.B.head(k); await env.B.delete(k); return o.key === k`, `true`},
		{"metadata that is too large", `await env.B.put("k", "x", { customMetadata: { a: "m".repeat(8192) } })`, `"put: Your metadata headers exceed the maximum allowed metadata size. (10012)"`},
		{"a storage class", `await env.B.put("k", "x", { storageClass: "InfrequentAccess" }); return (await env.B.head("k")).storageClass`, `"InfrequentAccess"`},
		{"a storage class that is none", `await env.B.put("k", "x", { storageClass: "Cheap" })`, `"put: The storage class is Standard or InfrequentAccess, not \"Cheap\". (10029)"`},
		{"a bucket that is gone", `await env.GONE.put("k", "x")`, `"put: The specified bucket does not exist. (10006)"`},
		{"a get from it", `await env.GONE.get("k")`, `"get: The specified bucket does not exist. (10006)"`},
		{"many keys are deleted at once", `
			await env.B.delete([...(await env.B.list()).objects.map((o) => o.key), "none"]); await env.B.delete([]);
			return (await env.B.list()).objects.length`, `0`},
		{"more than a thousand are not", `await env.B.delete(Array.from({ length: 1001 }, (_, i) => "k" + i))`, `"delete: 1001 keys in one delete; it takes up to 1000. (10029)"`},
		{
			"lists have pages and prefixes", `
			for (const k of ["a", "d/1", "d/2", "d/e/3", "f/4", "z"]) await env.B.put(k, "x", { httpMetadata: { contentType: "t/x" }, customMetadata: { k } });
			const l = async (o) => { const r = await env.B.list(o); return [r.objects.map((x) => x.key).join(), r.delimitedPrefixes.join(), r.truncated, r.cursor !== undefined] };
			const first = await env.B.list({ limit: 2, delimiter: "/" });
			return [await l(), await l({ prefix: "d/" }), await l({ delimiter: "/" }), await l({ prefix: "d/", delimiter: "/" }), await l({ limit: 1 }), await l({ startAfter: "d/2" }),
				await l({ limit: 2, delimiter: "/" }), await l({ limit: 2, delimiter: "/", cursor: first.cursor }), await l({ startAfter: "d/1", delimiter: "/" })]`,
			`[["a,d/1,d/2,d/e/3,f/4,z","",false,false],["d/1,d/2,d/e/3","",false,false],["a,z","d/,f/",false,false],["d/1,d/2","d/e/",false,false],["a","",true,true],["d/e/3,f/4,z","",false,false],` +
				`["a","d/",true,true],["z","f/",false,false],["z","d/,f/",false,false]]`,
		},
		{
			"metadata is in a list when it is asked for", `
			const l = async (include) => { const o = (await env.B.list({ limit: 1, include })).objects[0]; return [o.httpMetadata, o.customMetadata] };
			return [await l(), await l([]), await l(["httpMetadata"]), await l(["httpMetadata", "customMetadata"])]`,
			`[[null,null],[null,null],[{"contentType":"t/x"},null],[{"contentType":"t/x"},{"k":"a"}]]`,
		},
		{"a limit of none", `await env.B.list({ limit: 1001 })`, `"list: MaxKeys params must be positive integer <= 1000. (10022)"`},
		{"a cursor that is none", `await env.B.list({ cursor: "?" })`, `"list: The cursor \"?\" is none of a list. (10029)"`},
		{
			"a customer's key", `
			const ssecKey = "ab".repeat(32);
			const o = await env.B.put("secret", "hello", { ssecKey });
			const read = async (o) => { try { return await text(await env.B.get("secret", o)) } catch (e) { return e.message } };
			return [o.ssecKeyMd5, (await env.B.head("secret")).ssecKeyMd5, await read({ ssecKey }), await read({ ssecKey, range: { offset: 1, length: 3 } }), await read({}), await read({ ssecKey: "cd".repeat(32) })]`,
			`["e99fb4d234e9f43153e63fa5fead1614","e99fb4d234e9f43153e63fa5fead1614","hello","ell","get: The object is encrypted with a customer's key, which is needed to read it. (10029)","get: The object is encrypted with another customer's key. (10029)"]`,
		},
		{
			"an upload in parts", `
			const u = await env.B.createMultipartUpload("big", { httpMetadata: { contentType: "t/b" }, customMetadata: { big: "yes" } });
			const size = 5 * 1024 * 1024, one = new Uint8Array(size).fill(1), two = new Uint8Array(size).fill(2);
			const parts = [await u.uploadPart(2, two), await env.B.resumeMultipartUpload("big", u.uploadId).uploadPart(1, one), await u.uploadPart(3, "end")];
			const before = await env.B.head("big");
			const o = await u.complete(parts);
			const read = async (range) => new Uint8Array(await (await env.B.get("big", { range })).arrayBuffer());
			const edge = await read({ offset: size - 1, length: 2 }), last = await read({ suffix: 4 }), all = await read();
			return [before, o.size === 2 * size + 3, /^[0-9a-f]{32}-3$/.test(o.etag), o.checksums.toJSON(), o.customMetadata, o.httpMetadata, [...edge], [...last], all.length === o.size]`,
			`[null,true,true,{},{"big":"yes"},{"contentType":"t/b"},[1,2],[2,101,110,100],true]`,
		},
		{
			"parts that are too small", `
			const u = await env.B.createMultipartUpload("small");
			return await u.complete([await u.uploadPart(1, "a"), await u.uploadPart(2, "b")])`,
			`"completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)"`,
		},
		{
			"parts that were not uploaded", `
			const u = await env.B.createMultipartUpload("none");
			return await u.complete([{ partNumber: 1, etag: "x" }])`,
			`"completeMultipartUpload: One or more of the specified parts could not be found. (10025)"`,
		},
		{"an upload that is aborted, and again", `
			const u = await env.B.createMultipartUpload("gone");
			const p = await u.uploadPart(1, "a"); await u.abort(); await u.abort();
			return await u.complete([p])`, `"completeMultipartUpload: The specified multipart upload does not exist. (10024)"`},
		{"an upload that never was", `await env.B.resumeMultipartUpload("k", "x").uploadPart(1, "a")`, `"uploadPart: The specified multipart upload does not exist. (10024)"`},
		{"a large object goes through without being held", `
			const size = 96 * 1024 * 1024, block = new Uint8Array(1024 * 1024).fill(7);
			const { readable, writable } = new FixedLengthStream(size);
			const w = writable.getWriter();
			const done = env.B.put("huge", readable);
			for (let i = 0; i < size / block.length; i++) await w.write(block);
			await w.close(); await done;
			let n = 0; for await (const b of (await env.B.get("huge")).body) n += b.length;
			return n === size`, `true`},
	})
	if page, err := c.r2.List(t.Context(), "acc/default/files", r2.ListOptions{Prefix: "huge"}); err != nil || len(page.Items) != 1 || page.Items[0].Size != 96<<20 {
		t.Errorf("the large object as the store has it: %+v, %v", page, err)
	}
}
