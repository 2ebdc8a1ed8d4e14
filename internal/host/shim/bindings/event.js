// What can be done with the event that the instance has.
export default {
  forward: (_, { to, headers }, body, { event }) => event.forward(to, headers && new Headers(pairs(headers))),

  async reply(_, { from, to, raw }, body, { event }) {
    const { EmailMessage } = await import("cloudflare:email");
    await event.reply(new EmailMessage(from, to, raw));
  },
};

const pairs = (headers) => Object.entries(headers).flatMap(([name, values]) => values.map((value) => [name, value]));
