// The instances of the program: as many as there are requests at a time, up to a limit,
// beyond which requests wait, up to another. Who waits is called when it is its turn, and
// takes an instance itself instead of being handed it: a request whose client has left may
// stop without a word, and would keep what it was given.
import { Instance } from "./instance.js";

const most = 8; // instances: each has a memory of its own, and a Worker 128 MB in all
const mostMemory = 96 << 20; // bytes that instances keep together
const mostWaiting = 1000;
const look = 250; // milliseconds after which who waits looks whether it was missed: a pending
// timer tells the runtime that the request has not hung
const soon = 25; // the same for the second, while the first is called
const patience = 4; // looks of another that find somebody called who has not come: it is gone

const all = new Set();
const idle = [];
const queue = []; // of who waits, the first first

// take is an instance, if there is one that nobody waits for.
export function take(env) {
  return queue.length === 0 ? free(env) : undefined;
}

const isFree = () => idle.length > 0 || all.size < most;

function free(env) {
  return idle.pop() ?? (all.size < most ? make(env) : undefined);
}

function make(env, request) {
  const instance = Instance.make(env, release, request);
  all.add(instance);
  return instance;
}

// wait is a promise of an instance; null when too many wait. signal, if there is one, says
// that the client has left.
export async function wait(env, signal) {
  if (queue.length >= mostWaiting) return null;
  const ticket = { wake: null, called: false, missing: false, dropped: false, left: false, watched: null, looks: 0 };
  queue.push(ticket);
  signal?.addEventListener("abort", () => leave(ticket), { once: true });
  for (;;) {
    const pause = queue[1] === ticket && queue[0].called ? soon : look;
    const slept = await Promise.race([new Promise((resolve) => (ticket.wake = resolve)), scheduler.wait(pause).then(() => true)]);
    tidy();
    ticket.missing = false;
    if (ticket.left) return null;
    if (ticket.dropped) {
      ticket.dropped = false;
      queue.unshift(ticket); // it is only slow
    }
    if (queue[0] !== ticket && slept) watch(ticket); // which may make it the first
    if (queue[0] !== ticket) continue;
    if (!isFree()) {
      ticket.called = false;
      continue;
    }
    queue.shift();
    try {
      return free(env);
    } finally {
      call();
    }
  }
}

// call tells the first that there is an instance for it, and the second to see that it comes.
function call() {
  if (queue.length === 0 || !isFree()) return;
  queue[0].called = true;
  queue[0].wake?.();
  queue[1]?.wake?.();
}

// watch drops the first if it was called and does not come, and has all others say whether
// they are there: clients leave in crowds. How long that takes is counted in looks, as on a
// busy machine all are late.
function watch(ticket) {
  const first = queue[0];
  if (!first.called) return;
  ticket.looks = ticket.watched === first ? ticket.looks + 1 : 1;
  ticket.watched = first;
  if (ticket.looks < patience) return;
  do queue.shift().dropped = true;
  while (queue[0].missing);
  for (const other of queue) {
    if (other === ticket) continue;
    other.missing = true;
    other.wake?.();
  }
  call();
}

function leave(ticket) {
  ticket.left = true;
  const at = queue.indexOf(ticket);
  if (at >= 0) queue.splice(at, 1);
  if (at === 0) call();
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

// tidy lets go of instances whose request was given up: the runtime ends what is left of
// it after 30 seconds.
function tidy() {
  for (const instance of all) {
    const left = instance.exchange?.left;
    if (left && Date.now() - left > 35_000) instance.die(new Error("its request was given up"));
  }
}

function release(instance) {
  if (!instance.dead && isTooLarge(instance)) instance.dead = true;
  if (!instance.dead) idle.push(instance);
  else drop(instance);
  call();
}

// drop forgets an instance that is dead. It may have been free: a goroutine that panics can
// outlive its request.
function drop(instance) {
  all.delete(instance);
  const at = idle.indexOf(instance);
  if (at >= 0) idle.splice(at, 1);
}

// isTooLarge reports that an instance has grown so far that it and the others could cost the
// Worker its life: a memory does not shrink again.
function isTooLarge(instance) {
  if (instance.memory <= mostMemory / most) return false;
  let sum = 0;
  for (const one of all) sum += one.memory;
  return sum > mostMemory;
}
