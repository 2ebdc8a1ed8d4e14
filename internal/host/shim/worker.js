// Hands the requests of a Worker to a Go program. The program is instantiated as often
// as there are requests at a time, up to a limit: an instance has one request, because
// Go resumes whatever goroutine is ready, and a Worker may not touch the streams and
// timers of another request. An instance that panicked, exited or was left hanging is
// dropped.
import "./wasm_exec.js";
import program from "./app.wasm";

const most = 8; // instances: each has a memory of its own, and a Worker 128 MB in all
const mostWaiting = 1000;
const look = 25; // milliseconds after which who waits looks again
const encoder = new TextEncoder();
const decoder = new TextDecoder();

class Instance {
  dead = false;
  left = 0; // when the client of its request went away

  static async make() {
    const self = new Instance();
    const go = new globalThis.Go();
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
    this.finished = this.source = this.body = this.request = null;
    release(this);
  }

  // fetch answers a request. The instance is free when `until` is, which may be long
  // after the answer has begun.
  fetch(request) {
    this.request = request;
    this.left = 0;
    const until = new Promise((resolve) => (this.finished = resolve));
    const response = new Promise((resolve, reject) => ((this.resolve = resolve), (this.reject = reject)));
    request.signal?.addEventListener("abort", () => this.gone(), { once: true });
    this.enter("clodo_request", this.put(head(request)));
    return { response, until };
  }

  respond(bytes, whole) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const status = view.getUint32(0, true);
    let count = view.getUint32(4, true);
    let at = 8;
    const text = () => {
      const length = view.getUint32(at, true);
      at += 4 + length;
      return decoder.decode(bytes.subarray(at - length, at));
    };
    const headers = new Headers();
    while (count-- > 0) headers.append(text(), text());
    const empty = status === 204 || status === 304;
    const rest = bytes.slice(at);
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

  call(number, operation, data) {
    operations[operation](this, data).then(
      (bytes) => this.enter("clodo_settle", number, 0, this.put(bytes)),
      (error) => this.enter("clodo_settle", number, 1, this.put(encoder.encode(String(error?.message ?? error)))),
    );
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
};

// head is what begins a request: method, URL, length of the body, number of headers,
// names and values of these.
function head(request) {
  const fields = [...request.headers].flat().map((text) => encoder.encode(text));
  const texts = [encoder.encode(request.method), encoder.encode(request.url), ...fields];
  const bytes = new Uint8Array(texts.reduce((size, text) => size + 4 + text.length, 8));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const number = (n) => (view.setUint32(at, n, true), (at += 4));
  const text = (t) => (number(t.length), bytes.set(t, at), (at += t.length));
  texts.splice(0, 2).forEach(text);
  number(request.body ? Number(request.headers.get("content-length") ?? -1) : 0);
  number(fields.length / 2);
  texts.forEach(text);
  return bytes;
}

// The instances. Who waits for one looks again and again instead of being handed it: a
// request whose client has left stops without a word, and would keep what it was given.
// A pending timer also tells the runtime that the request has not hung.
const all = new Set();
const idle = [];
const queue = []; // of who waits, the first first
let making = 0;

async function acquire() {
  const ticket = { seen: Date.now(), wake: null };
  for (let queued = false; ; ) {
    const first = queue.length === 0 || queue[0] === ticket;
    if (first && (idle.length > 0 || all.size + making < most)) {
      if (queued) queue.shift();
      return idle.pop() ?? make();
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

async function make() {
  making++;
  try {
    const instance = await Instance.make();
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
    const instance = await acquire();
    if (!instance) return new Response("Too many requests wait for this Worker.\n", { status: 503, headers: { "retry-after": "1" } });
    const { response, until } = instance.fetch(request);
    context.waitUntil(until);
    return response;
  },
};
