// Keeps a number in a durable object.
import { DurableObject } from "cloudflare:workers";

export class Kept extends DurableObject {
  put(n) { this.ctx.storage.put("n", n); }
  get() { return this.ctx.storage.get("n"); }
}

export default {
  async fetch(request, env) {
    const one = env.NUMBER.get(env.NUMBER.idFromName("one"));
    if (request.method === "GET") return new Response(String((await one.get()) ?? 0));
    await one.put(Number(new URL(request.url).searchParams.get("n")));
    return new Response("kept");
  },
};
