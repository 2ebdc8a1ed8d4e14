// Calls between services: the rules are those of package services.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";

type Answer = (request: Request, n: number) => Response | Promise<Response>;

// Each test has a module of its own, so that circuit breakers are new.
let modules = 0;
async function fresh(answer: Answer, more: object = {}) {
  const gen: any = await import(`./clodo.gen.ts?${modules++}`);
  const asked: Request[] = [];
  const env = { DATA: { fetch: async (request: Request) => answer(request, asked.push(request)) }, ...more };
  return { gen, asked, env, call: (options = {}) => gen.service(env, "data-api", { backoff: 1, ...options }) };
}

const failing: Answer = () => new Response("down", { status: 503 });

test("a call goes through the binding, with its path and query", async () => {
  const { asked, call } = await fresh(async (request) => new Response(await request.text(), { status: 201 }));
  const answer = await call().fetch("/notes?a=b", { method: "POST", body: "hello", headers: { "x-own": "1" } });
  assert.equal(answer.status, 201);
  assert.equal(await answer.text(), "hello");
  assert.equal(asked[0]?.url, "https://data-api/notes?a=b");
  assert.equal(asked[0]?.headers.get("x-own"), "1");
  await call().fetch(new Request("https://elsewhere.example/x?y=1"));
  assert.equal(asked[1]?.url, "https://data-api/x?y=1");
});

test("a service without a binding is called at its URL", async () => {
  const server = createServer((request, response) => response.end(`${request.method} ${request.url}`)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const { gen, env } = await fresh(failing, { CLODO_SERVICES: JSON.stringify({ search: { url: `http://127.0.0.1:${address.port}/base/` } }) });
  assert.equal(await (await gen.service(env, "search").fetch("/q?a=1")).text(), "GET /base/q?a=1");
  server.close();
});

test("a service that nobody knows is an error that says what is missing", async () => {
  const { gen, env } = await fresh(failing);
  await assert.rejects(gen.service(env, "search").fetch("/"), /search: the service is not known here.*service binding/);
});

test("an idempotent request is repeated three times, a POST is not", async () => {
  const { asked, call } = await fresh(failing);
  assert.equal((await call().fetch("/")).status, 503);
  assert.equal(asked.length, 4);
  assert.equal((await call({ retries: 0 }).fetch("/", { method: "POST", body: "a" })).status, 503);
  assert.equal(asked.length, 5);
});

test("a body goes along each time, when the request has a key", async () => {
  const bodies: string[] = [];
  const { call } = await fresh(async (request, n) => (bodies.push(await request.text()), new Response("", { status: n < 3 ? 502 : 200 })));
  const answer = await call().fetch("/", { method: "POST", body: "once", headers: { "idempotency-key": "k" } });
  assert.equal(answer.status, 200);
  assert.deepEqual(bodies, ["once", "once", "once"]);
});

test("an error of transport is repeated, and told in the end", async () => {
  const { asked, call } = await fresh(() => Promise.reject(new Error("connection lost")));
  await assert.rejects(call({ retries: 1 }).fetch("/a"), { name: "CallError", status: 502, message: "data-api: GET /a: connection lost" });
  assert.equal(asked.length, 2);
});

test("what a service says about when to come back counts, up to 30 seconds", async () => {
  const { asked, call } = await fresh((_, n) => new Response("", { status: 429, headers: { "retry-after": n === 1 ? "0" : "31" } }));
  assert.equal((await call({ backoff: 60_000 }).fetch("/")).status, 429);
  assert.equal(asked.length, 2);
});

test("an answer that does not begin in time is given up", async () => {
  const { call } = await fresh((request) => new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason))));
  await assert.rejects(call({ timeout: 5, retries: 0 }).fetch("/"), { name: "CallError", status: 504 });
});

test("a caller that goes away is no failure of the service", async () => {
  const { gen, env } = await fresh((request) => new Promise((_, reject) => request.signal.addEventListener("abort", () => reject(request.signal.reason))));
  for (let i = 0; i < 6; i++) {
    const gone = AbortSignal.timeout(1);
    await assert.rejects(gen.service(env, "data-api").fetch("/", { signal: gone }), { name: "TimeoutError" });
  }
});

test("after five failures a service is left alone for a minute, and after three successes all is well", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  let status = 500;
  const { asked, call } = await fresh(() => new Response("", { status }));
  for (let i = 0; i < 5; i++) assert.equal((await call().fetch("/")).status, 500);
  const open = { name: "CallError", status: 503, retryAfter: 60 };
  await assert.rejects(call().fetch("/"), open);
  assert.equal(asked.length, 5);
  t.mock.timers.tick(60_000);
  await call().fetch("/"); // it is tried, and fails
  await assert.rejects(call().fetch("/"), open);
  t.mock.timers.tick(60_000);
  status = 200;
  for (let i = 0; i < 3; i++) assert.equal((await call().fetch("/")).status, 200);
  status = 500;
  for (let i = 0; i < 5; i++) assert.equal((await call().fetch("/")).status, 500);
  await assert.rejects(call().fetch("/"), open);
});

test("while it is tried again, one call is let through at a time", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000_000 });
  let answer: (r: Response) => void = () => {};
  const { call } = await fresh((_, n) => (n <= 5 ? new Response("", { status: 500 }) : new Promise((resolve) => (answer = resolve))));
  for (let i = 0; i < 5; i++) await call().fetch("/");
  t.mock.timers.tick(60_000);
  const first = call().fetch("/");
  await assert.rejects(call().fetch("/"), { status: 503, retryAfter: 1 });
  answer(new Response("ok"));
  assert.equal(await (await first).text(), "ok");
});

test("a call carries the request's id and its trace", async () => {
  const { asked, call } = await fresh(() => new Response("ok"), { CLODO_SERVICE: "web" });
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await call({ request: new Request("https://a.example/", { headers: { "x-request-id": "r1", traceparent: trace, tracestate: "vendor=1" } }) }).fetch("/");
  assert.equal(asked[0]?.headers.get("x-request-id"), "r1");
  const child = asked[0]?.headers.get("traceparent") ?? "";
  assert.match(child, /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  assert.notEqual(child, trace);
  assert.equal(asked[0]?.headers.get("tracestate"), "vendor=1");
  assert.equal(asked[0]?.headers.get("user-agent"), "clodo-service/web");
  for (const bad of ["00-0-0-01", trace.replace("0af7651916cd43dd8448eb211c80319c", "0".repeat(32)), `${trace}-more`, trace.replace(/^00/, "ff")]) {
    await call({ request: new Request("https://a.example/", { headers: { traceparent: bad } }) }).fetch("/");
    assert.equal(asked.at(-1)?.headers.get("traceparent"), null, bad);
  }
  const request = new Request("https://a.example/", { headers: { "x-request-id": "no good" } });
  await call({ request }).fetch("/");
  await call({ request }).fetch("/");
  assert.match(asked.at(-1)?.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(asked.at(-1)?.headers.get("x-request-id"), asked.at(-2)?.headers.get("x-request-id"));
});

test("typed clients call through the same", async () => {
  const { gen, asked, env } = await fresh((request) =>
    request.method === "POST"
      ? Response.json({ title: "Unprocessable", detail: "It is wrong.", errors: [{ field: "title", code: "required", message: "Title is required" }] }, { status: 422 })
      : Response.json([{ title: "a" }]));
  const { "data-api": notes } = gen.clients(env);
  assert.deepEqual(await notes.listNotes({ limit: 2 }), [{ title: "a" }]);
  assert.equal(asked[0]?.url, "https://data-api/notes?limit=2");
  await assert.rejects(notes.createNote({}), (error: any) => error.name === "ServiceError" && error.status === 422 && error.problem.errors[0].field === "title" && error.message === "422 It is wrong.");
});

test("the context names all that is missing", async () => {
  const { gen } = await fresh(failing);
  assert.throws(() => gen.context({ API_KEY: "a" }), /not set: CLODO_SERVICE, SESSION_KEY;/);
  const env = { CLODO_SERVICE: "web", CLODO_ENVIRONMENT: "staging", CLODO_DOMAIN: "a.example", CLODO_VERSION: { id: "v1" }, API_KEY: "a", SESSION_KEY: "b" };
  assert.deepEqual(gen.context(env), { service: "web", environment: "staging", customer: "", domain: "a.example", version: "v1" });
});

test("a failure is answered without its words", async (t) => {
  const log = t.mock.method(console, "error", () => {});
  const { gen } = await fresh(failing);
  const request = new Request("https://a.example/x");
  const internal = gen.failure(new Error("the password is 1234"), request);
  assert.equal(internal.status, 500);
  assert.deepEqual(await internal.json(), { title: "Internal Server Error", status: 500, code: "internal_error" });
  const open = gen.failure(new gen.CallError("orders", 503, "left alone", 60), request);
  assert.equal(open.headers.get("retry-after"), "60");
  assert.equal(open.headers.get("content-type"), "application/problem+json");
  assert.equal((await open.json()).code, "service_unavailable");
  assert.equal(log.mock.callCount(), 2);
});
