// How a service uses its generated file. Each line below a @ts-expect-error has to be an
// error of the compiler: it says so when one is not.
import { DurableObject } from "cloudflare:workers";
import { clients, context, features, guard, requireFeature, service, type Env, type Features } from "./clodo.gen";

export class Room extends DurableObject<Env> {
  hello(name: string): string {
    return `hello ${name}`;
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    await env.DB.prepare("SELECT 1").all();
    await env.CACHE.put("a", "b");
    await env.DEBUG_LOG?.put("a", "b");
    await env.FILES.head("a");
    await env.JOBS.send({ a: 1 });
    const text: string = await env.ROOMS.getByName("a").hello("you");
    await env.OUTSIDE.fetch(request);
    const key: string = await env.KEYS.cut(7);
    const seats: number = await env.HALLS.getByName("big").seats("a");
    for (const other of [env.KEYS, env.PLAIN, env.STOCK, env.THEIRS, env.NAMELESS]) await other.fetch(request);
    env.EVENTS.writeDataPoint({ blobs: [text] });
    await env.LIMITER.limit({ key: "a" });
    await env.AI.run("@cf/meta/llama-3.1-8b-instruct", { prompt: "hi" });
    const limit: number = env.LIMITS["per-minute"] + env.LIMITS.paths.length;
    const words: string = env.GREETING + env.API_KEY + env.SESSION_KEY + env.REGION + (env.BRAND ?? "");

    const me = context(env);
    const production = me.environment === "production" && me.customer === "acme";
    const flags = await features(env, request, { subject: "user-1" });
    const premium: boolean = flags.value("premium") || flags.enabled("dark-mode");
    const theme: "light" | "dark" = flags.value("theme");
    const size: number = flags.value("page-size");
    const one: Features["dark-mode"] = flags.detail("dark-mode").value;

    const { "data-api": notes } = clients(env, { request });
    const [note] = await notes.listNotes({ limit });
    await notes.createNote({ title: words, state: "open" });
    const found = await service(env, "search", { request }).fetch("/?q=a");

    // @ts-expect-error: there is no such binding
    env.DATABASE;
    // @ts-expect-error: D1 is not KV
    await env.DB.put("a", "b");
    // @ts-expect-error: it is only there in staging
    await env.DEBUG_LOG.put("a", "b");
    // @ts-expect-error: the variable has no such field
    env.LIMITS.perHour;
    // @ts-expect-error: a text is no number
    env.GREETING + 1 satisfies number;
    // @ts-expect-error: customers of their own alone have it
    env.BRAND.length;
    // @ts-expect-error: the class has no such method
    await env.ROOMS.getByName("a").goodbye("you");
    // @ts-expect-error: the entrypoint has no such method
    await env.KEYS.copy(7);
    // @ts-expect-error: the method takes a number
    await env.KEYS.cut("seven");
    // @ts-expect-error: the class of another service has no such method
    await env.HALLS.getByName("big").stools("a");
    // @ts-expect-error: it has no class, and is called by fetch
    await env.PLAIN.cut(7);
    // @ts-expect-error: a service in Go is called by fetch
    await env.STOCK.cut(7);
    // @ts-expect-error: there is no such flag
    flags.enabled("premuim");
    // @ts-expect-error: a flag is true or false
    flags.value("premium") === "yes";
    // @ts-expect-error: the enum has no such value
    flags.value("theme") === "pink";
    // @ts-expect-error: it is not on or off
    flags.enabled("theme");
    // @ts-expect-error: there is no such environment
    me.environment === "prod";
    // @ts-expect-error: there is no such customer
    me.customer === "globex";
    // @ts-expect-error: the service is not called from here
    service(env, "billing");
    // @ts-expect-error: its document has no such operation
    await notes.deleteNote("1");
    // @ts-expect-error: a required field is missing
    await notes.createNote({ state: "open" });
    // @ts-expect-error: the enum has no such value
    await notes.createNote({ title: "a", state: "closed" });
    // @ts-expect-error: the field may be absent
    note?.state.length;
    // @ts-expect-error: there is no such parameter
    await notes.listNotes({ max: 1 });

    return Response.json({ production, premium, theme, size, one, key, seats, found: found.status });
  },
};

export const reports = guard("premium", async (request: Request, env: Env, ctx: ExecutionContext) => {
  ctx.waitUntil(env.CACHE.put("seen", request.url));
  return new Response("reports");
});

export const middleware = requireFeature("dark-mode");

// @ts-expect-error: there is no such flag
export const other = requireFeature("dark");
