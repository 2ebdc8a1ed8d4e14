import { greet } from "./greet";

interface Env {
  GREETING: string;
  ORDERS: { fetch(request: Request): Promise<Response> };
  VERSION: { id: string };
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/health":
        return Response.json({ ok: true, version: env.VERSION.id });
      case "/orders":
        return env.ORDERS.fetch(request);
      default:
        return new Response(greet(env.GREETING) + "\n");
    }
  },
};
