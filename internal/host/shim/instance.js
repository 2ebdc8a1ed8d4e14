// An instance of the program. It has one request at a time, because Go resumes whatever
// goroutine is ready, and a Worker may not touch the streams and timers of another
// request. One that panicked, exited or was left hanging is dead.
import "./wasm_exec.js";
import program from "./app.wasm";
import { operations } from "./call.js";
import { environment } from "./environment.js";
import { noEvent, standIn } from "./runtime.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const levels = ["debug", "log", "warn", "error"]; // the methods of the console, as package host counts them
const small = 16384; // bytes that the program always has room for

// handles reports that the program handles events of a kind.
export function handles(kind) {
  return WebAssembly.Module.imports(program).some(({ module, name }) => module === "clodo" && name === "handles_" + kind);
}

export class Instance {
  dead = false;
  exchange = null;

  // make starts the program, which has to be ready before it waits for anything.
  // release is called when the instance is free, or dead. Without a request the Worker is
  // only starting itself.
  static make(env, release, request = true) {
    const self = new Instance(env, release);
    let starting = true;
    if (!request) standIn(self.go, () => starting);
    const wasm = new WebAssembly.Instance(program, self.go.importObject);
    self.exports = wasm.exports;
    self.go.run(wasm).catch((e) => self.die(e));
    starting = false;
    if (self.inbox) return self;
    throw new Error(self.go.exited ? "the program ended before it served anything" : "the program waits for something before it serves");
  }

  constructor(env, release) {
    this.release = release;
    this.go = new globalThis.Go();
    this.rest = environment(env, this.go.env);
    this.go.importObject.clodo = this.imports();
    this.go._resume = () => this.run(); // when a timer fires
    this.resuming = noEvent(this.go);
  }

  // What the program calls. Each copies what it is given: the memory is the program's.
  imports() {
    return {
      environment: (at, length) => {
        if (length >= this.rest.length) this.bytes(at, length).set(this.rest);
        return this.rest.length;
      },
      ready: (inbox) => (this.inbox = inbox),
      respond: (head, headLength, body, length, whole) =>
        this.exchange.respond(decoder.decode(this.bytes(head, headLength)), this.copy(body, length), whole === 1),
      write: (at, length) => this.exchange.write(this.copy(at, length)),
      end: (broken) => this.exchange.end(broken === 1),
      log: (method, at, length) => console[levels[method]](decoder.decode(this.bytes(at, length))),
      done: (spoilt) => this.done(spoilt === 1),
      call: (number, operation, at, length) => this.call(number, operation, this.copy(at, length)),
      cancel: (number) => {
        this.exchange?.calls.get(number)?.close();
        this.exchange?.calls.delete(number);
      },
      // These only say, by being imported, what the program handles.
      handles_scheduled: () => {},
      handles_queue: () => {},
      handles_email: () => {},
    };
  }

  get memory() {
    return this.exports.mem.buffer.byteLength;
  }

  // bytes is a view of the memory, made anew each time: it is detached when that grows.
  bytes(at, length) {
    return new Uint8Array(this.exports.mem.buffer, at, length);
  }

  copy(at, length) {
    return new Uint8Array(this.bytes(at, length));
  }

  // run calls an export, and lets the program go on until it has nothing to do. (An
  // export must not wait for that itself: Go's runtime fails when a goroutine recovers
  // from a panic below one.)
  run(name, ...args) {
    if (this.dead) return;
    try {
      if (name) this.exports[name](...args);
      this.resuming();
      this.exports.resume();
      if (this.go.exited) this.die(new Error("the program has ended"));
    } catch (e) {
      this.die(e);
    }
  }

  // room is where n bytes for the program go.
  room(n) {
    return n <= small ? this.inbox : this.exports.clodo_room(n);
  }

  begin(exchange) {
    this.exchange = exchange;
    exchange.instance = this;
    const head = exchange.head();
    const most = 3 * head.length;
    const { written } = encoder.encodeInto(head, this.bytes(this.room(most), most));
    this.run(exchange.event ? "clodo_event" : "clodo_request", written);
  }

  abort(exchange) {
    if (this.exchange === exchange) this.run("clodo_abort");
  }

  // call begins what takes time. What comes of it when its request is over is nobody's.
  call(number, operation, data) {
    const exchange = this.exchange;
    const settle = (failed, bytes) => {
      if (this.exchange !== exchange || this.dead) return;
      this.bytes(this.room(bytes.length), bytes.length).set(bytes);
      this.run("clodo_settle", number, failed, bytes.length);
    };
    operations[operation](exchange, data, number).then(
      (bytes) => settle(0, bytes),
      (error) => settle(1, encoder.encode(String(error?.message ?? error))),
    );
  }

  // done makes the instance free: at once, not in a continuation of its request, which
  // may be gone.
  done(spoilt) {
    if (spoilt) this.dead = true;
    const exchange = this.exchange;
    this.exchange = null;
    exchange?.finish();
    this.release(this);
  }

  die(error) {
    if (this.dead) return;
    this.dead = true;
    const exchange = this.exchange;
    this.exchange = null;
    exchange?.fail(error);
    this.release(this);
  }
}
