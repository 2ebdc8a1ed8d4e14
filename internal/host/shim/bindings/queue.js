// Queues. What is said of messages comes as arguments, their bodies in a row.
const decoder = new TextDecoder();

async function* messages(list, body) {
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  let at = 0;
  for (const { contentType, size, ...options } of list) {
    const part = bytes.slice(at, (at += size));
    const value = { text: () => decoder.decode(part), json: () => JSON.parse(decoder.decode(part)), bytes: () => part }[contentType]();
    yield { body: value, contentType, ...options };
  }
}

export default {
  async send(queue, list, body) {
    for await (const { body: value, ...options } of messages(list, body)) await queue.send(value, options);
  },
  async sendBatch(queue, list, body) {
    const all = [];
    for await (const message of messages(list, body)) all.push(message);
    await queue.sendBatch(all);
  },
};
