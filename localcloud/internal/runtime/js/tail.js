// Hands on what workerd tells about every invocation, many at a time: a request of
// its own for each would cost more than the Workers themselves.
const pause = 50; // milliseconds

// What waits is a text of lines, which (*Runtime).traced reads. Most invocations end
// well and leave nothing, and the proxy has seen all else: their lines are short.
let waiting = "";
let last; // the version that the short lines at the end of waiting are of
let planned = false;

export default {
  async tail(items, { SINK }, { props }) {
    const ended = Date.now();
    for (const item of items) note(item, props, ended);
    if (planned) return;
    planned = true;
    await scheduler.wait(pause);
    const body = waiting;
    waiting = "";
    last = undefined;
    planned = false; // what comes while this is sent makes a batch of its own
    const response = await SINK.fetch("http://tail/", { method: "POST", body });
    await response.arrayBuffer();
  },
};

function note(item, props, ended) {
  const { event } = item;
  const ray = plain(item) && event?.request && event.response ? event.request.headers["cf-ray"] : undefined;
  if (!ray?.startsWith(props.mark) || again(ray)) {
    waiting += JSON.stringify(told(item, props, ended)) + "\n";
    return;
  }
  if (last !== props.version) {
    last = props.version;
    waiting += `=${JSON.stringify(props)}\n`;
  }
  waiting += `${ray} ${event.response.status} ${item.eventTimestamp} ${ended} ${item.cpuTime ?? 0}\n`;
}

// plain is for what any request leaves to the default entrypoint: nothing.
const plain = (item) =>
  item.outcome === "ok" && item.executionModel === "stateless" && !item.entrypoint && !item.truncated && !item.durableObjectId &&
  !item.logs.length && !item.exceptions.length && !item.diagnosticsChannelEvents.length;

// again knows the rays that had a short line lately: a Worker that hands a request on to
// itself has several invocations of one ray, of which the proxy has seen one.
const many = 1 << 13;
let rays = new Set();
let before = rays;

function again(ray) {
  if (rays.has(ray) || before.has(ray)) return true;
  if (rays.size === many) {
    before = rays;
    rays = new Set();
  }
  rays.add(ray);
  return false;
}

const some = (list) => (list?.length ? list : undefined);

function told(item, { mark, ...props }, ended) {
  const { outcome, entrypoint, eventTimestamp, executionModel, durableObjectId, truncated, cpuTime } = item;
  return {
    ...props, ended, outcome, entrypoint, eventTimestamp, executionModel, durableObjectId, truncated, cpuTime,
    exceptions: some(item.exceptions), logs: some(item.logs), diagnosticsChannelEvents: some(item.diagnosticsChannelEvents),
    event: lean(item.event),
  };
}

// lean leaves out request.cf: it is long, and the same for all that the proxy sends.
function lean(event) {
  if (!event?.request) return event;
  const { url, method, headers } = event.request;
  return { ...event, request: { url, method, headers }, response: event.response };
}
