// The same service in JavaScript.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/hello") return new Response("hello\n", { headers: { "content-type": "text/plain" } });
    if (url.pathname === "/d1") {
      return Response.json(await env.DB.prepare("SELECT id, name, email FROM users WHERE id = ?").bind(1).first());
    }
    return new Response("nothing here\n", { status: 404 });
  },
};
