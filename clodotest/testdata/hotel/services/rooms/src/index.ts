import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";

interface Env {
  GUESTS: { put(key: string, value: string): Promise<void> };
  DESK: { fetch(url: string): Promise<Response> };
  SALT: string;
}

// Room counts who checks in, and keeps its guest where the desk finds it.
export class Room extends DurableObject<Env> {
  #nights = 0;

  async fetch(request: Request): Promise<Response> {
    const guest = await request.text();
    await this.env.GUESTS.put("guest", guest);
    const hotel = await (await this.env.DESK.fetch("https://desk/hotel")).text();
    return new Response(`${guest} stays at the ${hotel} for night ${++this.#nights}`);
  }
}

export class Keys extends WorkerEntrypoint<Env> {
  fetch(request: Request): Response {
    return new Response(`a key to ${new URL(request.url).pathname} with ${this.env.SALT}`);
  }
}

export default { fetch: () => new Response("rooms") };
