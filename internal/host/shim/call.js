// What a program can ask for that takes time, above all the operations of bindings.
import bindings from "./bindings.js";
import { Parts } from "./wire.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const nothing = new Uint8Array(0);

// operations are by the numbers of package host.
export const operations = {
  1: (exchange) => exchange.read(),
  2: (exchange) => exchange.drain(),

  async 3(exchange, data, number) {
    const parts = new Parts(data);
    const [kind, name, op, how, args] = [parts.text(), parts.text(), parts.text(), parts.number(), parts.text()];
    const operation = bindings[kind]?.[op];
    if (!operation) throw new Error(`the shim has no operation ${op} of ${kind}`);
    const binding = name === "" ? undefined : exchange.env[name];
    if (name !== "" && binding === undefined) throw new Error(`the Worker has no binding ${name}`);
    const call = new Call(exchange);
    exchange.calls.set(number, call);
    const body = how === 0 ? null : how === 1 ? parts.rest() : call.upload(parts.rest());
    try {
      const value = await operation(binding, args === "" ? undefined : JSON.parse(args), body, call);
      return answer(value, call.open);
    } finally {
      // The rest of a body is still read, as long as the answer is.
      if (!call.open && how !== 2) exchange.calls.delete(number);
    }
  },

  async 4(exchange, data) {
    const parts = new Parts(data);
    const call = exchange.calls.get(parts.number());
    if (!call) throw new Error("the call is over");
    await call.write(parts.rest());
    return nothing;
  },

  async 5(exchange, data) {
    const parts = new Parts(data);
    exchange.calls.get(parts.number())?.end(decoder.decode(parts.rest()));
    return nothing;
  },

  async 6(exchange, data) {
    const number = new Parts(data).number();
    const call = exchange.calls.get(number);
    const part = call ? await call.read() : nothing;
    if (part === nothing) exchange.calls.delete(number);
    return part;
  },
};

// answer is what a call returned: whether a stream follows, and JSON or bytes.
function answer(value, open) {
  const data =
    value instanceof Uint8Array ? value
    : value instanceof ArrayBuffer ? new Uint8Array(value)
    : value === undefined ? nothing
    : encoder.encode(JSON.stringify(value));
  const bytes = new Uint8Array(1 + data.length);
  bytes[0] = open ? 1 : 0;
  bytes.set(data, 1);
  return bytes;
}

// Call is a call of a binding, as its operation sees it: what bindings/KIND.js exports
// by the operation's name, a function of the binding, the arguments, the body (null,
// bytes or a stream) and this. It returns a value, which goes to the program as JSON,
// or bytes, which go as they are, or what `answer` makes of either and a stream.
class Call {
  #abort = null;
  #source = null; // of the body
  #reader = null; // of the answer
  #wake = null;

  constructor(exchange) {
    this.env = exchange.env;
    this.context = exchange.context;
    this.request = exchange.request;
    this.event = exchange.event;
    this.upgrade = (response) => exchange.upgrade(response); // instead of what the program answers
  }

  // signal is aborted when nobody waits for the answer any more.
  get signal() {
    return (this.#abort ??= new AbortController()).signal;
  }

  answer(value, stream) {
    this.#reader = stream?.getReader() ?? null;
    return value;
  }

  get open() {
    return this.#reader !== null;
  }

  upload(first) {
    return new ReadableStream({
      start: (source) => (this.#source = source).enqueue(first),
      pull: () => this.#wake?.(),
      cancel: () => this.#stop(),
    });
  }

  async write(bytes) {
    this.#source?.enqueue(bytes);
    if (this.#source?.desiredSize <= 0) await new Promise((resolve) => (this.#wake = resolve));
    if (!this.#source) throw new Error("nobody reads the body any more");
  }

  end(failure) {
    if (failure) this.#source?.error(new Error(failure));
    else this.#source?.close();
    this.#source = null;
  }

  #stop() {
    this.#source = null;
    this.#wake?.();
  }

  async read() {
    const { value, done } = await this.#reader.read();
    return done ? nothing : value;
  }

  close() {
    this.#source?.error(new Error("the call was given up"));
    this.#stop();
    this.#abort?.abort();
    this.#reader?.cancel().catch(() => {}); // it may have failed already
  }
}
