// Workers AI.
export default {
  async run(ai, { model, inputs, gateway }, _body, call) {
    const options = { returnRawResponse: true, signal: call.signal };
    if (gateway !== undefined) options.gateway = { id: gateway };
    const response = await ai.run(model, inputs, options);
    return call.answer(response.status, response.body);
  },
};
