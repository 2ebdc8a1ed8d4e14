// KV.
const encoder = new TextEncoder();

export default {
  // get gives the length of the metadata (-1: no value), the metadata and the value.
  async get(namespace, { key, cacheTtl }) {
    const { value, metadata } = await namespace.getWithMetadata(key, { type: "arrayBuffer", cacheTtl });
    const about = metadata === null ? new Uint8Array(0) : encoder.encode(JSON.stringify(metadata));
    const bytes = new Uint8Array(4 + (value === null ? 0 : about.length + value.byteLength));
    new DataView(bytes.buffer).setInt32(0, value === null ? -1 : about.length, true);
    if (value === null) return bytes;
    bytes.set(about, 4);
    bytes.set(new Uint8Array(value), 4 + about.length);
    return bytes;
  },
  async stream(namespace, { key, cacheTtl }, _body, call) {
    return call.answer(undefined, await namespace.get(key, { type: "stream", cacheTtl }));
  },
  async many(namespace, { keys, cacheTtl }) {
    return Object.fromEntries(await namespace.get(keys, { type: "text", cacheTtl }));
  },
  async put(namespace, { key, options }, body) {
    await namespace.put(key, body, options);
  },
  async delete(namespace, key) {
    await namespace.delete(key);
  },
  list: (namespace, options) => namespace.list(options),
};
