// Stands for a Worker that is not deployed. MESSAGE and CLASS are replaced.
import { DurableObject } from "cloudflare:workers";

const message = "MESSAGE";

class Missing extends DurableObject {
  constructor(...args) {
    super(...args);
    throw new Error(message);
  }
}

export { Missing as "CLASS" };

export default {
  fetch() {
    throw new Error(message);
  },
};
