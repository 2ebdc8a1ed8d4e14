// The binding to a secret of the Secrets Store.
class SecretsStoreSecret {
  #store;

  constructor(store) {
    this.#store = store;
  }

  async get() {
    const answer = await this.#store.fetch("http://secret/get", { method: "POST" });
    if (!answer.ok) throw new Error((await answer.text()).trimEnd());
    return answer.json();
  }
}

export default ({ store }) => new SecretsStoreSecret(store);
