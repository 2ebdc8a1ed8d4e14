// Keeps what it is told in every storage that it has, and tells what is there.
const number = (url, name) => Number(url.searchParams.get(name));

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const n = number(url, "n");
    switch (request.method + " " + url.pathname) {
      case "POST /d1/row":
        await env.DB.prepare("INSERT INTO singles (n) VALUES (?)").bind(n).run();
        return new Response("kept");
      case "POST /d1/batch": {
        const insert = env.DB.prepare("INSERT INTO batches (n, part) VALUES (?, ?)");
        await env.DB.batch([0, 1, 2, 3, 4].map((part) => insert.bind(n, part)));
        return new Response("kept");
      }
      case "PUT /kv":
        await env.KV.put(url.searchParams.get("key"), await request.text());
        return new Response("kept");
      case "PUT /r2":
        await env.BUCKET.put(url.searchParams.get("key"), await request.arrayBuffer());
        return new Response("kept");
      case "GET /r2": {
        const object = await env.BUCKET.get(url.searchParams.get("key"));
        return object ? new Response(object.body) : new Response("no such object", { status: 404 });
      }
      case "PUT /r2/parts": {
        const upload = await env.BUCKET.createMultipartUpload(url.searchParams.get("key"));
        const parts = [await upload.uploadPart(1, "x".repeat(5 << 20)), await upload.uploadPart(2, "end")];
        await upload.complete(parts);
        return new Response("kept");
      }
      case "POST /queue":
        await env.QUEUE.send({ sent: "worker", n });
        return new Response("kept");
    }
    return new Response("no such operation", { status: 404 });
  },

  async queue(batch, env) {
    const insert = env.DB.prepare("INSERT INTO delivered (sent, n) VALUES (?, ?)");
    await env.DB.batch(batch.messages.map(({ body }) => insert.bind(body.sent, body.n)));
  },
};
