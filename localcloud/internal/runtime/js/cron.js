// Delivers scheduled events, which workerd takes from other Workers only.
export default {
  async fetch(request, env) {
    const { target, cron, time } = await request.json();
    const { outcome } = await env[target].scheduled({ scheduledTime: new Date(time), cron });
    return Response.json({ outcome });
  },
};
