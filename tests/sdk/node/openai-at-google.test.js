import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { GEMINI, collect, openaiAtGoogle, said } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openaiAtGoogle(server);

const REQUEST = { model: GEMINI, messages: said('Hello') };

test("Google's endpoint for OpenAI SDKs says the prompt back", async () => {
  const completion = await client.chat.completions.create(REQUEST);
  assert.equal(completion.object, 'chat.completion');
  assert.equal(completion.model, GEMINI);
  assert.equal(completion.choices[0].message.content, 'You said: Hello');
});

test("Google's endpoint for OpenAI SDKs streams", async () => {
  const chunks = await collect(await client.chat.completions.create({ ...REQUEST, stream: true }));
  const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? '').join('');
  assert.equal(text, 'You said: Hello');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test("Google's endpoint for OpenAI SDKs calls tools", async () => {
  const tools = [{ type: 'function', function: { name: 'ping' } }];
  const runner = client.chat.completions.stream({ ...REQUEST, tools, tool_choice: 'required' });
  assert.deepEqual(await runner.finalFunctionToolCall(), { name: 'ping', arguments: '{}' });
});

test("Google's endpoint for OpenAI SDKs lists Google's models", async () => {
  const models = await Array.fromAsync(client.models.list());
  assert.ok(models.length > 0);
  for (const model of models) {
    assert.match(model.id, /^models\/(gemini|imagen)-/);
    assert.equal(model.object, 'model');
    assert.equal(model.owned_by, 'google');
  }
});

test("Google's endpoint for OpenAI SDKs describes a model by either name", async () => {
  for (const name of [GEMINI, `models/${GEMINI}`]) {
    assert.equal((await client.models.retrieve(name)).id, `models/${GEMINI}`);
  }
});

test("Google's endpoint for OpenAI SDKs refuses in Google's shape, as a list of one", async () => {
  const bodies = [];
  const watched = async (url, init) => {
    const response = await fetch(url, init);
    bodies.push(await response.clone().json());
    return response;
  };
  const request = { ...REQUEST, temperature: 'hot' };
  const error = await thrown(() =>
    openaiAtGoogle(server, { fetch: watched }).chat.completions.create(request),
  );
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  const [[{ error: body }, ...rest]] = bodies;
  assert.deepEqual(rest, []);
  assert.deepEqual([body.code, body.status], [400, 'INVALID_ARGUMENT']);
  assert.match(body.message, /temperature/);
});

test("Google's endpoint for OpenAI SDKs knows no other routes", async () => {
  const error = await thrown(() => client.post('/nothing', { body: {} }));
  assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
  assert.equal(error.status, 404);
});
