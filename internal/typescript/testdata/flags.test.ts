// The vectors of package feature, which every implementation of CLODO_FEATURES meets.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as gen from "./clodo.gen.ts";

const { Flags, bucket, features, guard, murmur3, parseFlags, requireFeature } = gen as any;
const vectors = JSON.parse(readFileSync(process.env["VECTORS"] ?? "", "utf8"));

test("hashes", () => {
  for (const h of vectors.hashes) {
    assert.equal(murmur3(h.flag, 0), h.seed);
    assert.equal(murmur3(h.subject, h.seed), h.hash);
    assert.equal(bucket(h.flag, h.subject), h.bucket);
  }
  assert.ok(vectors.hashes.length >= 10);
});

for (const e of vectors.evaluations) {
  test(e.name, () => {
    const flags = new Flags(parseFlags(vectors.documents[e.document]), e.changes?.flags ?? {}, e.context);
    for (const [name, want] of Object.entries(e.want)) assert.deepEqual(flags.detail(name), want, name);
    if (e.enabled) assert.deepEqual(flags.names(), e.enabled);
  });
}

for (const r of vectors.refused) {
  test(`refused: ${r.name}`, () => assert.throws(() => parseFlags(r.document)));
}

// A KV namespace that counts how often it is read.
function namespace(read: () => Promise<string | null>) {
  const kv = { reads: 0, get: async () => (kv.reads++, read()) };
  return kv;
}

const document = JSON.stringify({ v: 1, environment: "production", hosts: { "acme.example": "acme" }, flags: { premium: { default: false, customers: { acme: true }, runtime: true } } });

test("each hostname has its own flags, at the same time", async () => {
  const env = { CLODO_FEATURES: document };
  const hosts = Array.from({ length: 200 }, (_, i) => (i % 2 ? "acme.example" : "globex.example"));
  const on = await Promise.all(hosts.map(async (host) => (await features(env, new Request(`https://${host}/`))).enabled("premium")));
  assert.deepEqual(on, hosts.map((host) => host === "acme.example"));
});

test("changes are read once in 30 seconds, and hold for an hour while KV fails", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  t.mock.method(console, "error", () => {});
  let answer: () => Promise<string | null> = async () => JSON.stringify({ v: 1, flags: { premium: { environment: true } } });
  const kv = namespace(() => answer());
  const premium = async () => (await features({ CLODO_FEATURES: document, CLODO_FLAGS: kv })).enabled("premium");
  assert.equal(await premium(), true);
  assert.equal(await premium(), true);
  assert.equal(kv.reads, 1);
  answer = async () => JSON.stringify({ v: 1, flags: {} });
  t.mock.timers.tick(29_999);
  assert.equal(await premium(), true);
  t.mock.timers.tick(1);
  assert.equal(await premium(), false);
  answer = async () => JSON.stringify({ v: 1, flags: { premium: { environment: true } } });
  t.mock.timers.tick(30_000);
  assert.equal(await premium(), true);
  for (const broken of [() => Promise.reject(new Error("KV is down")), async () => "{", async () => '{"v":2}', () => new Promise<string>(() => {})]) {
    answer = broken;
    t.mock.timers.tick(30_000);
    assert.equal(await premium(), true);
  }
  const before = kv.reads;
  assert.equal(await premium(), true);
  assert.equal(kv.reads, before, "a failure is not repeated at once");
  t.mock.timers.tick(3_600_000);
  assert.equal(await premium(), false, "after an hour the flags are as they were deployed");
});

test("a long document goes on in further variables", async () => {
  const env = { CLODO_FEATURES: document.slice(0, 40), CLODO_FEATURES_2: document.slice(40, 60), CLODO_FEATURES_3: document.slice(60) };
  assert.equal((await features(env, new Request("https://acme.example/"))).enabled("premium"), true);
});

test("without CLODO_FEATURES flags have the defaults of clodo.yaml", async () => {
  const flags = await features({});
  assert.deepEqual(flags.names(), ["dark-mode"]);
  assert.equal(flags.value("theme"), "light");
  assert.equal(flags.value("page-size"), 20);
});

test("a guard answers 404 as the original did", async () => {
  const handler = guard("premium", async () => new Response("paid"));
  const off = await handler(new Request("https://globex.example/"), { CLODO_FEATURES: document });
  assert.equal(off.status, 404);
  assert.equal(off.headers.get("content-type"), "application/json");
  assert.deepEqual(await off.json(), { error: "Feature not available", feature: "premium", message: "The premium feature is not enabled for this domain" });
  const on = await handler(new Request("https://acme.example/"), { CLODO_FEATURES: document });
  assert.equal(await on.text(), "paid");
});

test("a guard is middleware of Hono", async () => {
  let nexts = 0;
  const ask = (host: string) =>
    requireFeature("premium")({ env: { CLODO_FEATURES: document }, req: { raw: new Request(`https://${host}/`) } }, async () => void nexts++);
  assert.equal((await ask("globex.example")).status, 404);
  assert.equal(await ask("acme.example"), undefined);
  assert.equal(nexts, 1);
});
