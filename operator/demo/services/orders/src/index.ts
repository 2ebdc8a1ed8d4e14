interface Statement {
  bind(...values: unknown[]): Statement;
  first<T>(): Promise<T | null>;
  all<T>(): Promise<{ results: T[] }>;
}

interface Env {
  DB: { prepare(sql: string): Statement };
}

interface Order {
  id: number;
  item: string;
  count: number;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") {
      await env.DB.prepare("SELECT count(*) FROM orders").first();
      return Response.json({ ok: true });
    }
    if (pathname !== "/orders") {
      return Response.json({ error: "not found" }, { status: 404 });
    }
    if (request.method === "POST") {
      const { item, count } = await request.json<Order>();
      const order = await env.DB.prepare("INSERT INTO orders (item, count, created_at) VALUES (?, ?, ?) RETURNING id, item, count")
        .bind(item, count, new Date().toISOString())
        .first<Order>();
      return Response.json(order, { status: 201 });
    }
    const { results } = await env.DB.prepare("SELECT id, item, count FROM orders ORDER BY id").all<Order>();
    return Response.json(results);
  },
};
