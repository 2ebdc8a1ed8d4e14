// Events that are no requests. The program gets each as a request that describes it, and
// answers with what became of it: see App.ServeEvent of package clodo.
import { Exchange } from "./exchange.js";
import { handles } from "./instance.js";
import { take, wait } from "./pool.js";

// events are the handlers of the kinds that the program handles. serve has an instance
// answer.
export function events(serve) {
  const send = async (kind, query, body, headers, event, env, context) => {
    const url = "http://clodo/cdn-cgi/handler/" + kind + "?" + new URLSearchParams(query);
    const request = { method: "POST", url, headers, body };
    const instance = take(env) ?? (await wait(env));
    if (!instance) throw new Error("too many requests wait for this Worker");
    const response = await serve(instance, new Exchange(request, env, context, event));
    const out = await response.json();
    if (response.status !== 200 && response.status !== 500) throw new Error(out.detail);
    return out;
  };

  const handlers = {
    async scheduled(event, env, context) {
      check(await send("scheduled", { cron: event.cron, time: event.scheduledTime }, null, new Headers(), event, env, context));
    },

    async queue(batch, env, context) {
      const body = new Response(JSON.stringify(batch.messages.map(message))).body;
      const out = await send("queue", { queue: batch.queue }, body, new Headers(), batch, env, context);
      const messages = new Map(batch.messages.map((one) => [one.id, one]));
      for (const id of out.ack ?? []) messages.get(id).ack();
      for (const { id, delaySeconds } of out.retry ?? []) messages.get(id).retry(delaySeconds ? { delaySeconds } : undefined);
      check(out);
    },

    async email(message, env, context) {
      const headers = new Headers({ "content-length": String(message.rawSize) });
      const out = await send("email", { from: message.from, to: message.to }, message.raw, headers, message, env, context);
      if (out.rejected) message.setReject(out.rejected);
      check(out);
    },
  };
  return Object.fromEntries(Object.entries(handlers).filter(([kind]) => handles(kind)));
}

function check({ error }) {
  if (error) throw new Error(error);
}

// message is a message of a queue: texts and bytes as they are, anything else in JSON.
function message({ id, timestamp, attempts, body }) {
  const one = { id, timestamp: timestamp.getTime(), attempts };
  if (typeof body === "string") return { ...one, text: body };
  if (body instanceof ArrayBuffer) body = new Uint8Array(body);
  if (body instanceof Uint8Array) return { ...one, bytes: base64(body) };
  return { ...one, text: JSON.stringify(body) };
}

function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
