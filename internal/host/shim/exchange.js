// A request and what becomes of it. Nothing of it is left in the instance afterwards.
const nothing = new Uint8Array(0);

export class Exchange {
  over = false; // the program has nothing more to do for it
  left = 0; // when the client went away
  calls = new Map(); // of bindings: those whose body or answer is not at its end, by number
  #response = null;
  #error = null;
  #resolve = null; // of who waits for the response, if anybody does
  #reject = null;
  #finished = null; // of who waits for the end
  #reader = null; // of the request's body
  #source = null; // of the response's body, while it is written
  #drained = null;

  // event is what happened when that was no request: a batch, a message. The request
  // only describes it then.
  constructor(request, env, context, event = null) {
    this.request = request;
    this.env = env;
    this.context = context;
    this.event = event;
  }

  // answer is the response, or its promise.
  answer() {
    if (this.#error) throw this.#error;
    return this.#response ?? new Promise((resolve, reject) => ((this.#resolve = resolve), (this.#reject = reject)));
  }

  // until is a promise of the end.
  until() {
    return new Promise((resolve) => (this.#finished = resolve));
  }

  // head is what begins it: length of the body (-1 unknown, 0 none), method, URL, and
  // the headers' names and values, a line each.
  head() {
    const { method, url, headers, body } = this.request;
    const lines = [body ? Number(headers.get("content-length") ?? -1) : 0, method, url];
    for (const field of headers) lines.push(field[0], field[1]);
    return lines.join("\n");
  }

  // respond takes the head of the response, which is the status and the headers' names
  // and values, a line each, and the beginning of the body, or all of it.
  respond(head, part, whole) {
    const lines = head.split("\n");
    const status = Number(lines[0]);
    const init = { status, headers: new Headers() };
    for (let i = 1; i + 1 < lines.length; i += 2) {
      init.headers.append(lines[i], lines[i + 1]);
      // What the program has encoded itself is not to be encoded again.
      if (lines[i] === "Content-Encoding") init.encodeBody = "manual";
    }
    const body = status === 204 || status === 205 || status === 304 ? null : whole ? part : this.#stream(part);
    this.upgrade(new Response(body, init));
  }

  // upgrade answers with a response; one after that is nobody's.
  upgrade(response) {
    if (this.#resolve) this.#resolve(response);
    else this.#response ??= response;
  }

  #stream(first) {
    return new ReadableStream({
      start: (source) => {
        this.#source = source;
        if (first.length > 0) source.enqueue(first);
      },
      pull: () => this.#drained?.(),
      cancel: () => this.leave(),
    });
  }

  // write sends a part of the body: 1 when the client is slower, -1 when it is gone.
  write(bytes) {
    if (!this.#source || this.left) return -1;
    this.#source.enqueue(bytes);
    return this.#source.desiredSize > 0 ? 0 : 1;
  }

  end(broken) {
    if (!this.#source || this.left) return;
    if (broken) this.#source.error(new Error("the handler failed after it had begun to answer"));
    else this.#source.close();
    this.#source = null;
  }

  // drain waits until the client takes more.
  async drain() {
    if (!this.left && this.#source.desiredSize <= 0) await new Promise((resolve) => (this.#drained = resolve));
    if (this.left) throw new Error("the client is gone");
    return nothing;
  }

  // read is the next part of the request's body, empty at its end.
  async read() {
    this.#reader ??= this.request.body?.getReader();
    const { value, done } = (await this.#reader?.read()) ?? { done: true };
    return done ? nothing : value;
  }

  // leave is called when the client goes away.
  leave() {
    this.left ||= Date.now();
    this.#drained?.();
    // Not at once: the program may be the one that is calling.
    queueMicrotask(() => this.instance?.abort(this));
  }

  // fail is how it ends when the instance dies.
  fail(error) {
    if (this.#reject) this.#reject(error);
    else this.#error = error;
    if (!this.left) this.#source?.error(error);
    this.finish();
  }

  finish() {
    this.over = true;
    this.instance = null;
    for (const call of this.calls.values()) call.close();
    this.#finished?.();
  }
}
