// The Worker that every contestant of the storage section runs, byte for byte the same.

async function setUp(env) {
  await env.DB.exec("DROP TABLE IF EXISTS customers");
  await env.DB.exec("DROP TABLE IF EXISTS orders");
  await env.DB.exec("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL)");
  await env.DB.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, total REAL NOT NULL)");
  await env.DB.prepare(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) " +
      "INSERT INTO customers SELECT i, 'customer ' || i, i || '@customers.example' FROM n",
  ).run();
  return new Response(String(await env.DB.prepare("SELECT count(*) AS n FROM customers").first("n")));
}

const insert = (env, customer) =>
  env.DB.prepare("INSERT INTO orders (customer, total) VALUES (?, ?)").bind(customer, customer * 1.5);

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const key = searchParams.get("key");
    const n = Number(searchParams.get("n"));
    switch (request.method + " " + pathname) {
      case "POST /setup":
        return setUp(env);
      case "GET /plain":
        return new Response("plain");
      case "GET /d1/row":
        return Response.json(await env.DB.prepare("SELECT id, name, email FROM customers WHERE id = ?").bind(n).first());
      case "POST /d1/row": {
        const { meta } = await insert(env, n).run();
        return new Response(String(meta.changes));
      }
      case "POST /d1/batch": {
        const results = await env.DB.batch(Array.from({ length: 10 }, (_, i) => insert(env, n + i)));
        return new Response(String(results.reduce((sum, { meta }) => sum + meta.changes, 0)));
      }
      case "GET /d1/orders":
        return new Response(String(await env.DB.prepare("SELECT count(*) AS n FROM orders").first("n")));
      case "GET /kv":
        return new Response(await env.KV.get(key));
      case "PUT /kv":
        await env.KV.put(key, await request.text());
        return new Response("kept");
      case "GET /r2": {
        const object = await env.BUCKET.get(key);
        return object ? new Response(object.body) : new Response("no such object", { status: 404 });
      }
      case "PUT /r2": {
        const object = await env.BUCKET.put(key, await request.arrayBuffer());
        return new Response(String(object.size));
      }
    }
    return new Response("no such operation", { status: 404 });
  },
};
