// Requests to the world, or to what has a fetch of its own: service bindings, stubs.
export default {
  // fetch sends a request. args are { method, url, headers: [[name, value]], redirect };
  // the answer is { status, statusText, headers } and its body.
  async fetch(binding, { method, url, headers, redirect }, body, call) {
    const response = await (binding ?? globalThis).fetch(url, { method, headers, body, redirect, signal: call.signal });
    const { status, statusText } = response;
    return call.answer({ status, statusText, headers: [...response.headers] }, response.body);
  },
};
