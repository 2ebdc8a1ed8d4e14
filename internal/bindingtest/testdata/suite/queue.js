// Queue, MessageBatch, Message. Every message is delivered in a batch of its own, to
// the consumer below, which keeps what it saw for the case that waits for it.
import { observe, refused, shape } from "./observe.js";

const encoder = new TextEncoder();

// idOf finds the id of a case in whatever body its message has.
function idOf(body) {
  if (typeof body === "string") return body.split(" ")[0];
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return new TextDecoder().decode(body).split(" ")[0];
  if (body instanceof Map) return body.get("id");
  return Array.isArray(body) ? body[0] : body?.id;
}

// without is a body without the id, which differs each time.
const without = (body, id) => JSON.parse(JSON.stringify(body).replaceAll(id, "ID"));

export async function consume(batch, env) {
  for (const message of batch.messages) {
    const id = idOf(message.body);
    const { value } = await observe(() => message.body);
    const seen = { attempts: message.attempts, body: without(value, id), queue: batch.queue, fields: shape({ id: message.id, timestamp: message.timestamp, attempts: message.attempts }) };
    await env.DB.prepare("INSERT INTO deliveries (id, seen, at) VALUES (?, ?, ?)").bind(id, JSON.stringify(seen), Date.now()).run();
    const first = message.attempts === 1;
    switch (message.body?.does) {
      case "retry": if (first) message.retry(); break;
      case "retry later": if (first) message.retry({ delaySeconds: 1 }); break;
      case "retry all": if (first) batch.retryAll(); break;
      case "throw": if (first) throw new Error("on purpose"); break;
      case "ack and throw": message.ack(); throw new Error("on purpose");
      case "ack all and throw": batch.ackAll(); throw new Error("on purpose");
      case "retry then ack": message.retry(); message.ack(); break;
      case "ack then retry": message.ack(); message.retry(); break;
    }
  }
}

const deliveries = async (env, id) => (await env.DB.prepare("SELECT seen, at FROM deliveries WHERE id = ? ORDER BY rowid").bind(id).all()).results;

// delivered waits until messages of a case were delivered, then a moment longer for
// those that should not be.
async function delivered(env, send, wanted = 1, longer = 0, patience = 15_000) {
  const id = crypto.randomUUID();
  await send(id);
  const end = Date.now() + patience;
  let rows = [];
  while (rows.length < wanted && Date.now() < end) {
    await scheduler.wait(25);
    rows = await deliveries(env, id);
  }
  if (longer) {
    await scheduler.wait(longer);
    rows = await deliveries(env, id);
  }
  return rows.map((row) => JSON.parse(row.seen));
}

const bodies = (list) => list.map((seen) => seen.body);
const attempts = (list) => list.map((seen) => seen.attempts);
const does = (env, what, wanted, longer) => delivered(env, (id) => env.QUEUE.send({ id, does: what }), wanted, longer).then(attempts);

// again says whether a message is delivered a second time: within four seconds, and on a
// busy machine while twenty messages after it come, one after the other.
async function again(env, what) {
  const id = crypto.randomUUID();
  await env.QUEUE.send({ id, does: what });
  let over = false;
  const others = (async () => {
    for (let n = 0; n < 20; n++) await delivered(env, (other) => env.QUEUE.send({ id: other }));
  })();
  Promise.all([others, scheduler.wait(4000)]).finally(() => (over = true));
  for (;;) {
    const ended = over;
    if ((await deliveries(env, id)).length > 1) return true;
    if (ended) return false;
    await scheduler.wait(25);
  }
}

export default {
  together: true,

  async prepare(env) {
    await env.DB.exec("CREATE TABLE IF NOT EXISTS deliveries (id TEXT, seen TEXT, at INTEGER)");
  },

  cases: {
    // what arrives
    "an object arrives": (env) => delivered(env, (id) => env.QUEUE.send({ id, list: [1, null, "x"], deep: { a: true } })),
    "a string arrives": (env) => delivered(env, (id) => env.QUEUE.send(id + " hello ü 🦊")).then(bodies),
    "an array arrives": (env) => delivered(env, (id) => env.QUEUE.send([id, 1, null])).then(bodies),
    "a date in JSON arrives": (env) => delivered(env, (id) => env.QUEUE.send({ id, at: new Date(0) })).then(bodies),
    "undefined in an object arrives": (env) => delivered(env, (id) => env.QUEUE.send({ id, u: undefined })).then(bodies),
    "contentType json": (env) => delivered(env, (id) => env.QUEUE.send({ id, n: 1 }, { contentType: "json" })).then(bodies),
    "contentType text": (env) => delivered(env, (id) => env.QUEUE.send(id + " text", { contentType: "text" })).then(bodies),
    "contentType bytes": async (env) => {
      const [{ body }] = await delivered(env, (id) => env.QUEUE.send(encoder.encode(id + " !"), { contentType: "bytes" }));
      return Object.keys(body);
    },
    "contentType bytes of an ArrayBuffer": async (env) => {
      const [{ body }] = await delivered(env, (id) => env.QUEUE.send(encoder.encode(id + " !").buffer, { contentType: "bytes" }));
      return Object.keys(body);
    },
    "contentType v8": (env) => delivered(env, (id) => env.QUEUE.send(new Map([["id", id], ["at", new Date(0)], ["big", 1n]]), { contentType: "v8" })).then(bodies),
    "the fields of a message": async (env) => (await delivered(env, (id) => env.QUEUE.send({ id })))[0].fields,
    "the name of the queue": async (env) => (await delivered(env, (id) => env.QUEUE.send({ id })))[0].queue,

    // what send says
    "send of nothing": (env) => refused(() => env.QUEUE.send()),
    "send of undefined": (env) => refused(async () => typeof (await env.QUEUE.send(undefined))),
    "send of a function": (env) => refused(async () => typeof (await env.QUEUE.send(() => 1))),
    "send of a bigint as JSON": (env) => refused(async () => typeof (await env.QUEUE.send(1n))),
    "send of an object as text": (env) => refused(() => env.QUEUE.send({}, { contentType: "text" })),
    "send of a string as bytes": (env) => refused(() => env.QUEUE.send("x", { contentType: "bytes" })),
    "send of a function as v8": (env) => refused(() => env.QUEUE.send(() => 1, { contentType: "v8" })),
    "send with a contentType that is none": (env) => refused(() => env.QUEUE.send("x", { contentType: "xml" })),
    "send of a message that is too large": async (env) => "refused" in (await refused(() => env.QUEUE.send("x".repeat(128_001), { contentType: "text" }))),
    "send of a message that just fits": (env) => delivered(env, (id) => env.QUEUE.send(id + " " + "x".repeat(127_000), { contentType: "text" })).then((list) => list.length),
    "send with a negative delay": (env) => refused(() => env.QUEUE.send("x", { delaySeconds: -1 })),
    "send with a delay that is too long": (env) => refused(() => env.QUEUE.send("x", { delaySeconds: 86_401 })),
    "send with a delay that is no number": async (env) => "accepted" in (await refused(() => env.QUEUE.send("x", { delaySeconds: "soon" }))),
    "send gives metrics": async (env) => Object.keys((await env.QUEUE.send("x")).metadata.metrics).sort(),
    "sendBatch gives metrics": async (env) => Object.keys((await env.QUEUE.sendBatch([{ body: "x" }])).metadata.metrics).sort(),

    // sendBatch
    "sendBatch delivers all": (env) =>
      delivered(env, (id) => env.QUEUE.sendBatch([1, 2, 3].map((n) => ({ body: { id, n } }))), 3).then((list) => bodies(list).map((b) => b.n).sort()),
    "sendBatch of a generator": (env) =>
      delivered(env, (id) => env.QUEUE.sendBatch((function* () { yield { body: { id, n: 1 } }; yield { body: { id, n: 2 } }; })()), 2).then((list) => list.length),
    "sendBatch with types of their own": (env) =>
      delivered(env, (id) => env.QUEUE.sendBatch([{ body: id + " a", contentType: "text" }, { body: { id }, contentType: "json" }]), 2).then((list) => bodies(list).map((b) => typeof b).sort()),
    "sendBatch of nothing": (env) => refused(() => env.QUEUE.sendBatch([])),
    "sendBatch of 101 messages": async (env) => "refused" in (await refused(() => env.QUEUE.sendBatch(Array.from({ length: 101 }, () => ({ body: "x" }))))),
    "sendBatch of too many bytes": async (env) => "refused" in (await refused(() => env.QUEUE.sendBatch(Array.from({ length: 3 }, () => ({ body: "x".repeat(100_000), contentType: "text" }))))),
    "sendBatch of what has no body": (env) => refused(() => env.QUEUE.sendBatch([{}])),
    "sendBatch with a contentType that is none": (env) => refused(() => env.QUEUE.sendBatch([{ body: "x", contentType: "xml" }])),

    // delays
    "send with a delay": async (env) => {
      const began = Date.now();
      const list = await delivered(env, (id) => env.QUEUE.send({ id }, { delaySeconds: 1 }));
      return [list.length, Date.now() - began >= 900];
    },
    "send with a delay of 0": (env) => delivered(env, (id) => env.QUEUE.send({ id }, { delaySeconds: 0 })).then(attempts),
    "sendBatch with a delay": async (env) => {
      const began = Date.now();
      const list = await delivered(env, (id) => env.QUEUE.sendBatch([{ body: { id } }], { delaySeconds: 1 }));
      return [list.length, Date.now() - began >= 900];
    },

    // what the consumer does
    "done without a word, is delivered again": (env) => again(env, "nothing"),
    "retry": (env) => does(env, "retry", 2, 300),
    "retry with a delay": (env) => does(env, "retry later", 2),
    "retryAll": (env) => does(env, "retry all", 2, 300),
    "a throw": (env) => does(env, "throw", 2, 300),
    "ack, then a throw, is delivered again": (env) => again(env, "ack and throw"),
    "ackAll, then a throw, is delivered again": (env) => again(env, "ack all and throw"),
    "retry, then ack, is delivered again": (env) => again(env, "retry then ack"),
    "ack, then retry, is delivered again": (env) => again(env, "ack then retry"),

    "the methods of a queue": (env) => ["send", "sendBatch"].map((m) => typeof env.QUEUE[m]),
    "the class of a queue": (env) => env.QUEUE.constructor.name,
  },
};
