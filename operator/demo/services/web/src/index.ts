interface Env {
  ASSETS: { fetch(request: Request): Promise<Response> };
}

// Files in public/ are served before this code runs; everything else comes here.
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    if (new URL(request.url).pathname === "/now") {
      return Response.json({ now: new Date().toISOString() });
    }
    return env.ASSETS.fetch(request);
  },
};
