// The same service in JavaScript.
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/hello") return new Response("hello\n", { headers: { "content-type": "text/plain" } });
    return new Response("nothing here\n", { status: 404 });
  },
};
