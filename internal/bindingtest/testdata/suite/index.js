// Runs the cases of one product and answers what each of them saw, by name.
import d1 from "./d1.js";
import kv from "./kv.js";
import r2 from "./r2.js";
import cache from "./cache.js";
import queue, { consume } from "./queue.js";
import { observe } from "./observe.js";

const products = { d1, kv, r2, queue, cache };

export default {
  async fetch(request, env) {
    const product = products[new URL(request.url).pathname.slice(1)];
    if (!product) return new Response("no such product", { status: 404 });
    await product.prepare?.(env);
    const seen = {};
    const cases = Object.entries(product.cases);
    const one = async ([name, run]) => void (seen[name] = await observe(() => run(env)));
    if (product.together) await Promise.all(cases.map(one)); // they mostly wait
    else for (const c of cases) await one(c);
    return Response.json(seen);
  },

  queue: consume,
};
