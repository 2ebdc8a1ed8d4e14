// The instances of the program: as many as there are requests at a time, up to a limit,
// beyond which requests wait, up to another. Who waits for an instance looks again and
// again instead of being handed it: a request whose client has left stops without a
// word, and would keep what it was given. A pending timer also tells the runtime that
// the request has not hung.
import { Instance } from "./instance.js";

const most = 8; // instances: each has a memory of its own, and a Worker 128 MB in all
const mostMemory = 96 << 20; // bytes that instances keep together
const mostWaiting = 1000;
const look = 25; // milliseconds after which who waits looks again

const all = new Set();
const idle = [];
const queue = []; // of who waits, the first first

// take is an instance, if there is one that nobody waits for.
export function take(env) {
  return queue.length === 0 ? free(env) : undefined;
}

function free(env) {
  return idle.pop() ?? (all.size < most ? make(env) : undefined);
}

function make(env, request) {
  const instance = Instance.make(env, release, request);
  all.add(instance);
  return instance;
}

// wait is a promise of an instance; null when too many wait.
export async function wait(env) {
  const ticket = { seen: Date.now(), wake: null };
  for (let queued = false; ; ) {
    if (queue.length === 0 || queue[0] === ticket) {
      const instance = free(env);
      if (instance) {
        if (queued) queue.shift();
        return instance;
      }
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
    idle.push(make(env, false));
  } catch (e) {
    console.warn("the program could not be started with the Worker:", e);
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
  if (!instance.dead && isTooLarge(instance)) instance.dead = true;
  if (instance.dead) all.delete(instance);
  else idle.push(instance);
  queue[0]?.wake?.();
}

// isTooLarge reports that an instance has grown so far that it and the others could cost the
// Worker its life: a memory does not shrink again.
function isTooLarge(instance) {
  if (instance.memory <= mostMemory / most) return false;
  let sum = 0;
  for (const one of all) sum += one.memory;
  return sum > mostMemory;
}
