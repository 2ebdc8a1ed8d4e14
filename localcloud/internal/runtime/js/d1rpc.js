// Answers the RPC form of the D1 binding with its HTTP form.
import { WorkerEntrypoint } from "cloudflare:workers";

const session = "x-cf-d1-session-commit-token";

export default class extends WorkerEntrypoint {
  fetch(request) {
    return this.env.DATABASE.fetch(request);
  }

  async query({ queries, bookmark }) {
    const headers = { "content-type": "application/json" };
    if (bookmark) headers[session] = bookmark;
    const body = JSON.stringify(queries.map(({ sql, params }) => ({ sql, params: params ?? [] })));
    const response = await this.env.DATABASE.fetch("http://d1/query?resultsFormat=ROWS_AND_COLUMNS", { method: "POST", headers, body });
    const answer = await response.json();
    if (!Array.isArray(answer)) throw new Error(answer.error);
    const results = answer.map(({ meta, results: { columns, rows } }) => ({ meta, data: { kind: "raw", columns, rows } }));
    const next = response.headers.get(session);
    return next ? { results, bookmark: next } : { results };
  }
}
