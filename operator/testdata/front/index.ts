// What a service in TypeScript does with its generated file, on the real runtime.
import { WorkerEntrypoint } from "cloudflare:workers";
import { clients, context, failure, features, guard, service, CallError, ServiceError, type Env } from "./clodo.gen.ts";

const handlers: Record<string, (request: Request, env: Env) => Promise<Response>> = {
  "/me": async (_, env) => Response.json(context(env)),
  "/greeting": (request, env) => service(env, "worker", { request }).fetch("/?name=Front"),
  "/flags": async (request, env) => {
    const flags = await features(env, request);
    return Response.json([flags.detail("premium"), flags.detail("theme"), flags.enabled("hidden")]);
  },
  "/premium": guard("premium", async () => new Response("paid")),
  "/hidden": guard("hidden", async () => new Response("never")),
  "/notes": async (request, env) => {
    const { "data-service": notes } = clients(env, { request });
    const made = await notes.createNote({ title: "from the front" });
    const page = await notes.listNotes({ limit: 100 });
    return Response.json(page.data.filter((note) => note.id === made.id).map((note) => note.title));
  },
  "/wrong": async (request, env) => {
    try {
      await clients(env, { request })["data-service"].createNote({ title: "" });
    } catch (error) {
      if (error instanceof ServiceError) return Response.json([error.status, error.problem.errors?.[0]?.code]);
      throw error;
    }
    return new Response("it was taken");
  },
  "/down": () => Promise.reject(new CallError("worker", 503, "left alone", 60)),
};

// The gateway is bound to it.
export class Greeter extends WorkerEntrypoint<Env> {
  greet(name: string): string {
    return `Hello, ${name}`;
  }
}

export default {
  async fetch(request, env) {
    try {
      return await (handlers[new URL(request.url).pathname]?.(request, env) ?? new Response(null, { status: 404 }));
    } catch (error) {
      return failure(error, request);
    }
  },
} satisfies ExportedHandler<Env>;
