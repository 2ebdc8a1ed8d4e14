// The rate limiting binding: its counters are outside of workerd, so that all versions
// and processes of a Worker share them.
const known = ["key", "limit", "period"];

function must(condition, message) {
  if (!condition) throw new Error(message);
}

class RateLimit {
  #counters;
  #usual;

  constructor(counters, usual) {
    this.#counters = counters;
    this.#usual = usual;
  }

  async limit(options) {
    must(typeof options === "object" && options !== null, "invalid rate limit options");
    const unknown = Object.keys(options).filter((name) => !known.includes(name));
    must(unknown.length === 0, `bad rate limit options: [${unknown.join(",")}]`);
    const { key = "", limit, period } = { ...this.#usual, ...options };
    must(typeof key === "string", `invalid key: ${key}`);
    must(typeof limit === "number", `limit must be a number: ${limit}`);
    must(typeof period === "number", `period must be a number: ${period}`);
    must(period === 10 || period === 60, `unsupported period: ${period}`);
    const answer = await this.#counters.fetch("http://ratelimit/", { method: "POST", body: JSON.stringify({ key, limit, period }) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  }
}

export default ({ counters, usual }) => new RateLimit(counters, usual);
