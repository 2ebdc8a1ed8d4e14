// Hands on what workerd tells about every invocation, many at a time: a request of
// its own for each would cost more than the Workers themselves.
const pause = 10; // milliseconds

let waiting = [];
let planned = false;

export default {
  async tail(items, { SINK }, { props }) {
    const ended = Date.now();
    for (const item of items) waiting.push(JSON.stringify(told(item, props, ended)));
    if (planned) return;
    planned = true;
    await scheduler.wait(pause);
    const body = `[${waiting.join(",")}]`;
    waiting = [];
    planned = false; // what comes while this is sent makes a batch of its own
    const response = await SINK.fetch("http://tail/", { method: "POST", body });
    await response.arrayBuffer();
  },
};

const some = (list) => (list?.length ? list : undefined);

function told(item, props, ended) {
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
