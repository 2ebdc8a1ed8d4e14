// The entry points of a Worker that is written in Go. They find an instance of the
// program for what comes, hand it over, and keep the Worker alive until it is done.
import { env } from "cloudflare:workers";
import { events } from "./events.js";
import { Exchange } from "./exchange.js";
import { boot, take, wait } from "./pool.js";

const busy = { title: "Service Unavailable", status: 503, detail: "Too many requests wait for this Worker.", code: "too_many_waiting" };

if (env.CLODO_BOOT === "start") boot(env);

export default {
  fetch(request, env, context) {
    const instance = take(env);
    if (instance) return serve(instance, new Exchange(request, env, context));
    return wait(env, request.signal).then((instance) => {
      if (instance) return serve(instance, new Exchange(request, env, context));
      return new Response(JSON.stringify(busy), { status: 503, headers: { "content-type": "application/problem+json", "retry-after": "1" } });
    });
  },
  ...events(serve),
};

// serve has an instance answer a request, and returns the response or its promise. Most
// requests are over by then: only the others need what follows.
function serve(instance, exchange) {
  instance.begin(exchange);
  if (!exchange.over) {
    exchange.context.waitUntil(exchange.until());
    exchange.request.signal?.addEventListener("abort", () => exchange.leave(), { once: true });
  }
  return exchange.answer();
}
