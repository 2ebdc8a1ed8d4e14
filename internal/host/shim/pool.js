// The instances of the program: as many as there are requests at a time, up to a limit,
// beyond which requests wait, up to another. Who waits for an instance looks again and
// again instead of being handed it: a request whose client has left stops without a
// word, and would keep what it was given. A pending timer also tells the runtime that
// the request has not hung.
import { Instance } from "./instance.js";

const most = 8; // instances: each has a memory of its own, and a Worker 128 MB in all
const mostWaiting = 1000;
const look = 25; // milliseconds after which who waits looks again

const all = new Set();
const idle = [];
const queue = []; // of who waits, the first first
let making = 0;

// take is a free instance, if there is one that nobody waits for.
export function take() {
  return queue.length === 0 ? idle.pop() : undefined;
}

// wait is a promise of an instance; null when too many wait.
export async function wait(env) {
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

// boot makes the first instance before there is a request. Where that cannot be done,
// the first request makes it, and says why it could not.
export function boot(env) {
  try {
    const instance = Instance.boot(env, release);
    all.add(instance);
    idle.push(instance);
  } catch (e) {
    console.warn("the program could not be started with the Worker:", e);
  }
}

async function make(env) {
  making++;
  try {
    const instance = await Instance.make(env, release);
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
    const left = instance.exchange?.left;
    if (left && now - left > 35_000) instance.die(new Error("its request was given up"));
  }
}

function release(instance) {
  if (instance.dead) all.delete(instance);
  else idle.push(instance);
  queue[0]?.wake?.();
}
