// Hands the requests of a Worker to a Go program. The program is instantiated as often
// as there are requests at a time, up to a limit: an instance has one request, because
// Go resumes whatever goroutine is ready, and a Worker may not touch the streams and
// timers of another request. An instance that panicked, exited or was left hanging is
// dropped.
import "./wasm_exec.js";
import program from "./app.wasm";
import bindings from "./bindings.js";

const most = 8; // instances: each has a memory of its own, and a Worker 128 MB in all
const mostWaiting = 1000;
const look = 25; // milliseconds after which who waits looks again
const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Instance {
  dead = false;
  left = 0; // when the client of its request went away
  calls = new Map(); // of bindings: those whose body or answer is not at its end, by number

  static async make(env) {
    const self = new Instance();
    const go = new globalThis.Go();
    self.variables = environment(env, go.env);
    go.importObject.clodo = self.imports();
    const { exports } = (self.wasm = await WebAssembly.instantiate(program, go.importObject));
    self.exports = exports;
    const ran = go.run(self.wasm);
    ran.then(() => self.die(new Error("the program has ended")), (e) => self.die(e));
    if (!self.ready) {
      await ran;
      throw new Error("the program ended before it served anything");
    }
    return self;
  }

  // What the program calls. Each copies what it is given: the memory is the program's.
  imports() {
    return {
      ready: () => (this.ready = true),
      respond: (at, length, whole) => this.respond(this.bytes(at, length), whole === 1),
      write: (at, length) => this.write(this.bytes(at, length).slice()),
      end: (broken) => this.end(broken === 1),
      done: (spoilt) => this.done(spoilt === 1),
      call: (number, operation, at, length) => this.call(number, operation, this.bytes(at, length).slice()),
      cancel: (number) => this.cancel(number),
      environment: (at, length) => {
        if (length >= this.variables.length) this.bytes(at, length).set(this.variables);
        return this.variables.length;
      },
    };
  }

  // The view of the memory is made anew each time: it is detached when the memory grows.
  bytes(at, length) {
    return new Uint8Array(this.exports.mem.buffer, at, length);
  }

  // enter calls an export and lets the program go on until it has nothing to do.
  enter(name, ...args) {
    if (this.dead) return;
    try {
      this.exports[name](...args);
      this.exports.resume();
    } catch (e) {
      this.die(e);
    }
  }

  put(bytes) {
    const at = this.exports.clodo_buffer(bytes.length);
    this.bytes(at, bytes.length).set(bytes);
    return bytes.length;
  }

  die(error) {
    if (this.dead) return;
    this.dead = true;
    this.reject?.(error);
    if (!this.left) this.source?.error(error);
    this.finish();
  }

  // finish makes the instance free: at once, not in a continuation of its request,
  // which may be gone.
  finish() {
    this.finished?.();
    this.finished = this.source = this.body = this.request = this.env = this.context = null;
    for (const number of this.calls.keys()) this.cancel(number);
    release(this);
  }

  // fetch answers a request. The instance is free when `until` is, which may be long
  // after the answer has begun.
  fetch(request, env, context) {
    Object.assign(this, { request, env, context, left: 0 });
    const until = new Promise((resolve) => (this.finished = resolve));
    const response = new Promise((resolve, reject) => ((this.resolve = resolve), (this.reject = reject)));
    request.signal?.addEventListener("abort", () => this.gone(), { once: true });
    this.enter("clodo_request", this.put(head(request)));
    return { response, until };
  }

  respond(bytes, whole) {
    const parts = new Parts(bytes);
    const status = parts.number();
    const headers = new Headers();
    for (let count = parts.number(); count > 0; count--) headers.append(parts.text(), parts.text());
    const empty = status === 204 || status === 304;
    const rest = parts.rest();
    const body = empty ? null : whole ? rest : this.stream(rest);
    // What the program has encoded itself is not to be encoded again.
    this.resolve(new Response(body, { status, headers, encodeBody: headers.has("content-encoding") ? "manual" : "automatic" }));
  }

  stream(first) {
    return new ReadableStream({
      start: (source) => {
        this.source = source;
        if (first.length > 0) source.enqueue(first);
      },
      pull: () => this.drained?.(),
      cancel: () => this.gone(),
    });
  }

  write(bytes) {
    if (!this.source || this.left) return -1;
    this.source.enqueue(bytes);
    return this.source.desiredSize > 0 ? 0 : 1;
  }

  end(broken) {
    if (!this.source || this.left) return;
    if (broken) this.source.error(new Error("the handler failed after it had begun to answer"));
    else this.source.close();
  }

  gone() {
    this.left ||= Date.now();
    this.drained?.();
    // Not at once: the program may be the one that is calling.
    queueMicrotask(() => this.enter("clodo_abort"));
  }

  done(spoilt) {
    if (spoilt) this.dead = true;
    this.finish();
  }

  // What comes of a call when its request is over is nobody's any more.
  call(number, operation, data) {
    const request = this.request;
    const settle = (failed, bytes) => {
      if (this.request === request && !this.dead) this.enter("clodo_settle", number, failed, this.put(bytes));
    };
    operations[operation](this, data, number).then(
      (bytes) => settle(0, bytes),
      (error) => settle(1, encoder.encode(String(error?.message ?? error))),
    );
  }

  cancel(number) {
    this.calls.get(number)?.close();
    this.calls.delete(number);
  }
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

  constructor(instance) {
    const { env, context, request } = instance;
    Object.assign(this, { env, context, request });
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
    if (!this.#source) throw new Error("nobody reads the body any more");
    this.#source.enqueue(bytes);
    if (this.#source.desiredSize <= 0) await new Promise((resolve) => (this.#wake = resolve));
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

const nothing = new Uint8Array(0);

// What a program can ask for that takes time, by the numbers of package host.
const operations = {
  async 1(instance) {
    const reader = (instance.body ??= instance.request.body?.getReader());
    const { value, done } = (await reader?.read()) ?? { done: true };
    return done ? nothing : value;
  },
  async 2(instance) {
    if (!instance.left && instance.source.desiredSize <= 0) await new Promise((resolve) => (instance.drained = resolve));
    if (instance.left) throw new Error("the client is gone");
    return nothing;
  },
  async 3(instance, data, number) {
    const parts = new Parts(data);
    const [kind, name, op, how, args] = [parts.text(), parts.text(), parts.text(), parts.number(), parts.text()];
    const operation = bindings[kind]?.[op];
    if (!operation) throw new Error(`the shim has no operation ${op} of ${kind}`);
    const binding = name === "" ? undefined : instance.env[name];
    if (name !== "" && binding === undefined) throw new Error(`the Worker has no binding ${name}`);
    const call = new Call(instance);
    instance.calls.set(number, call);
    const body = [() => null, () => parts.rest(), () => call.upload(parts.rest())][how]();
    try {
      const value = await operation(binding, args === "" ? undefined : JSON.parse(args), body, call);
      return answer(value, call.open);
    } finally {
      // The rest of a body is still read, as long as the answer is.
      if (!call.open && how !== 2) instance.calls.delete(number);
    }
  },
  async 4(instance, data) {
    const parts = new Parts(data);
    const call = instance.calls.get(parts.number());
    if (!call) throw new Error("the call is over");
    await call.write(parts.rest());
    return nothing;
  },
  async 5(instance, data) {
    const parts = new Parts(data);
    instance.calls.get(parts.number())?.end(decoder.decode(parts.rest()));
    return nothing;
  },
  async 6(instance, data) {
    const number = new Parts(data).number();
    const call = instance.calls.get(number);
    const part = call ? await call.read() : nothing;
    if (part === nothing) instance.calls.delete(number);
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

// Parts takes apart what the program wrote.
class Parts {
  at = 0;

  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  number() {
    this.at += 4;
    return this.view.getInt32(this.at - 4, true);
  }

  text() {
    const length = this.number();
    this.at += length;
    return decoder.decode(this.bytes.subarray(this.at - length, this.at));
  }

  rest() {
    return this.bytes.slice(this.at);
  }
}

// environment makes the texts of env a program's environment: in `small` what the
// runtime of Go has room for, and the longer ones, as bytes, for package host.
function environment(env, small) {
  const texts = Object.entries(env).filter(([, value]) => typeof value === "string");
  const size = ([name, value]) => name.length + value.length;
  let room = 2000; // characters: with up to 3 bytes each and the rest of 8 KB for pointers
  const rest = [];
  for (const text of texts.sort((a, b) => size(a) - size(b))) {
    room -= size(text) + 10;
    if (room > 0) small[text[0]] = text[1];
    else rest.push(...text);
  }
  return pack(rest);
}

// pack writes texts, each with its length before it, after a number of bytes.
function pack(texts, before = 0) {
  const parts = texts.map((text) => encoder.encode(text));
  const bytes = new Uint8Array(parts.reduce((size, part) => size + 4 + part.length, before));
  const view = new DataView(bytes.buffer);
  let at = before;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
}

// head is what begins a request: length of the body (-1 unknown, 0 none), number of
// headers, method, URL, and the headers' names and values.
function head(request) {
  const fields = [...request.headers].flat();
  const bytes = pack([request.method, request.url, ...fields], 8);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, request.body ? Number(request.headers.get("content-length") ?? -1) : 0, true);
  view.setInt32(4, fields.length / 2, true);
  return bytes;
}

// The instances. Who waits for one looks again and again instead of being handed it: a
// request whose client has left stops without a word, and would keep what it was given.
// A pending timer also tells the runtime that the request has not hung.
const all = new Set();
const idle = [];
const queue = []; // of who waits, the first first
let making = 0;

async function acquire(env) {
  const ticket = { seen: Date.now(), wake: null };
  for (let queued = false; ; ) {
    const first = queue.length === 0 || queue[0] === ticket;
    if (first && (idle.length > 0 || all.size + making < most)) {
      if (queued) queue.shift();
      return idle.pop() ?? make(env);
    }
    if (!queued) {
      if (queue.length >= mostWaiting) return null;
      queue.push(ticket);
      queued = true;
    }
    await Promise.race([new Promise((resolve) => (ticket.wake = resolve)), scheduler.wait(look)]);
    ticket.seen = Date.now();
    tidy(ticket.seen);
  }
}

async function make(env) {
  making++;
  try {
    const instance = await Instance.make(env);
    all.add(instance);
    return instance;
  } finally {
    making--;
  }
}

// tidy lets go of who stopped waiting, and of instances whose request was given up: the
// runtime ends what is left of it after 30 seconds.
function tidy(now) {
  while (queue.length > 0 && now - queue[0].seen > 10 * look) queue.shift();
  for (const instance of all) {
    if (instance.left && now - instance.left > 35_000) instance.die(new Error("its request was given up"));
  }
}

function release(instance) {
  if (instance.dead) all.delete(instance);
  else idle.push(instance);
  queue[0]?.wake?.();
}

export default {
  async fetch(request, env, context) {
    const instance = await acquire(env);
    if (!instance) return new Response("Too many requests wait for this Worker.\n", { status: 503, headers: { "retry-after": "1" } });
    const { response, until } = instance.fetch(request, env, context);
    context.waitUntil(until);
    return response;
  },
};
