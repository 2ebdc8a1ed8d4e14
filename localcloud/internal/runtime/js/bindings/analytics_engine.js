// The Analytics Engine binding: data points go to the store outside of workerd. A
// Worker does not wait for them, and its invocation does not end before they are sent.
import workers from "cloudflare-internal:workers";

const encoder = new TextEncoder();

function must(condition, message) {
  if (!condition) throw new TypeError(message);
}

function text(value) {
  if (typeof value === "string") return value;
  if (value instanceof ArrayBuffer) return new TextDecoder().decode(value);
  must(value === null || value === undefined, "blobs and indexes must be strings, ArrayBuffers or null");
  return "";
}

class AnalyticsEngineDataset {
  #store;
  #points = [];

  constructor(store) {
    this.#store = store;
  }

  writeDataPoint(point = {}) {
    const { indexes = [], blobs = [], doubles = [] } = point;
    must(indexes.length <= 1, "Maximum of 1 indexes supported.");
    must(blobs.length <= 20, "Maximum of 20 blobs supported.");
    must(doubles.length <= 20, "Maximum of 20 doubles supported.");
    const written = { indexes: Array.from(indexes, text), blobs: Array.from(blobs, text), doubles: Array.from(doubles, Number) };
    must(written.indexes.every((index) => encoder.encode(index).length <= 96), "Index cannot be longer than 96 bytes.");
    must(written.blobs.reduce((sum, blob) => sum + encoder.encode(blob).length, 0) <= 16384, "Combined size of blobs cannot be larger than 16384 bytes.");
    if (this.#points.push(written) === 1) workers.waitUntil(this.#send());
  }

  async #send() {
    await null; // what is written at once is sent together
    const body = JSON.stringify(this.#points);
    this.#points = [];
    const answer = await this.#store.fetch("http://analytics/", { method: "POST", body });
    if (!answer.ok) throw new Error(await answer.text());
  }
}

export default ({ store }) => new AnalyticsEngineDataset(store);
