// WebSockets that the program has accepted: one end of a pair for each request.
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const sockets = new WeakMap(); // by request
const mostWaiting = 16 << 20; // bytes of messages that the program has not read yet
const [binary, text, close] = [0, 1, 2];

export default {
  // accept answers the request with the other end. The messages that come follow as a
  // stream, each with its length and its kind before it.
  async accept(_binding, { protocol, limit }, _body, call) {
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.binaryType = "arraybuffer";
    sockets.set(call.request, server);
    const headers = protocol ? { "sec-websocket-protocol": protocol } : {};
    call.upgrade(new Response(null, { status: 101, webSocket: client, headers }));
    return call.answer(undefined, messages(server, limit));
  },

  async sendText(_binding, _args, body, call) {
    sockets.get(call.request).send(decoder.decode(await whole(body)));
  },

  async sendBytes(_binding, _args, body, call) {
    sockets.get(call.request).send(await whole(body));
  },

  async close(_binding, { code, reason }, _body, call) {
    sockets.get(call.request).close(code, reason);
  },
};

// messages are those that come, and last how it ended: by the other side, or by this one
// because of what came.
function messages(server, limit) {
  let over = false;
  return new ReadableStream(
    {
      start(stream) {
        const end = (code, reason) => {
          if (over) return;
          over = true;
          stream.enqueue(part(close, new Uint8Array([code & 0xff, code >> 8, ...encoder.encode(reason)])));
          stream.close();
        };
        const refuse = (code, reason) => {
          server.close(code, reason);
          end(code, reason);
        };
        server.addEventListener("message", ({ data }) => {
          if (over) return;
          const isText = typeof data === "string";
          const bytes = isText ? encoder.encode(data) : new Uint8Array(data);
          if (bytes.length > limit) refuse(1009, "the message is too long");
          else if (mostWaiting + stream.desiredSize < bytes.length) refuse(1008, "messages come faster than they are read");
          else stream.enqueue(part(isText ? text : binary, bytes));
        });
        server.addEventListener("close", ({ code, reason }) => end(code, reason));
        server.addEventListener("error", ({ message }) => end(1006, message));
      },
      // The program has stopped reading: its handler has returned.
      cancel() {
        over = true;
        if (server.readyState === WebSocket.OPEN) server.close(1001);
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
  );
}

function part(kind, bytes) {
  const all = new Uint8Array(5 + bytes.length);
  new DataView(all.buffer).setUint32(0, bytes.length, true);
  all[4] = kind;
  all.set(bytes, 5);
  return all;
}

// whole is a body that may have come as a stream.
async function whole(body) {
  return body instanceof ReadableStream ? new Uint8Array(await new Response(body).arrayBuffer()) : body;
}
