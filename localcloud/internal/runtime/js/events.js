// Hands events other than requests to Workers: workerd takes those from other Workers
// only. What came of it is the answer.
const text = new TextDecoder();
const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// body gives a message's body in the form that the handler gets.
function body(format, bytes) {
  switch (format) {
    case "text":
      return { body: text.decode(bytes) };
    case "json":
      return { body: JSON.parse(text.decode(bytes)) };
    case "bytes":
      return { body: bytes.buffer };
    default:
      return { serializedBody: bytes };
  }
}

const kinds = {
  scheduled: async (target, { cron, time }) => {
    const { outcome, noRetry } = await target.scheduled({ scheduledTime: new Date(time), cron });
    return { outcome, noRetry };
  },

  queue: async (target, { queue, messages, metrics }) => {
    const batch = messages.map(({ id, timestamp, attempts, format, data }) => ({
      id, timestamp: new Date(timestamp), attempts, ...body(format, bytesOf(data)),
    }));
    const { backlogCount, backlogBytes, oldest } = metrics;
    const metadata = { metrics: { backlogCount, backlogBytes, oldestMessageTimestamp: oldest ? new Date(oldest) : undefined } };
    return await target.queue(queue, batch, metadata);
  },

  email: async (target, { id, from, to, headers, data }, env) => {
    const bytes = bytesOf(data);
    const tell = async (what, query, body) => {
      const response = await env.mailbox.fetch(`http://mail/${what}?${new URLSearchParams({ of: id, ...query })}`, { method: "POST", body });
      const { error, messageId } = await response.json();
      if (error) throw new Error(error);
      return { messageId };
    };
    const pending = [];
    await target.email({
      from,
      to,
      headers: new Headers(headers),
      raw: new Response(bytes).body,
      rawSize: bytes.length,
      canBeForwarded: true,
      setReject: (reason) => void pending.push(tell("reject", {}, String(reason))),
      forward: (recipient, added) => tell("forward", { to: recipient }, JSON.stringify(Object.fromEntries(new Headers(added ?? {})))),
      reply: (message) => {
        if (message?.["clodo:raw"] === undefined) throw new TypeError("reply() takes an EmailMessage");
        return tell("reply", { from: message.from }, message["clodo:raw"]);
      },
    });
    await scheduler.wait(0); // nobody waits for setReject, whose call is under way
    await Promise.all(pending);
    return { outcome: "ok" };
  },
};

export default {
  async fetch(request, env) {
    const { kind, target, ...event } = await request.json();
    try {
      return Response.json(await kinds[kind](env[target], event, env));
    } catch (error) {
      return Response.json({ outcome: "exception", error: String(error) });
    }
  },
};
