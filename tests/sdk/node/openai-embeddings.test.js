import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { openai, openaiAtGoogle } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const { embeddings } = openai(server);

const MODEL = 'text-embedding-3-small';

function assertNear(one, other) {
  assert.equal(one.length, other.length);
  one.forEach((number, at) => assert.ok(Math.abs(number - other[at]) < 1e-6, `${at}: ${number}`));
}

test('a text has a vector of length 1', async () => {
  const text = 'Hello wonderful world';
  const response = await embeddings.create({ model: MODEL, input: text });
  assert.deepEqual([response.object, response.model], ['list', MODEL]);
  assert.deepEqual(response.usage, { prompt_tokens: count(text), total_tokens: count(text) });
  const [{ object, index, embedding }] = response.data;
  assert.deepEqual([object, index, embedding.length], ['embedding', 0, 1536]);
  assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-4);
});

test('the vector that is decoded unasked is the one in numbers', async () => {
  const request = { model: 'text-embedding-3-large', input: 'Hello' };
  const [unasked] = (await embeddings.create(request)).data;
  const [numbers] = (await embeddings.create({ ...request, encoding_format: 'float' })).data;
  const [text] = (await embeddings.create({ ...request, encoding_format: 'base64' })).data;
  assert.equal(unasked.embedding.length, 3072);
  assertNear([...unasked.embedding], numbers.embedding);
  assert.equal(Buffer.from(text.embedding, 'base64').length, 4 * 3072);
});

test('many texts keep their order and their dimensions', async () => {
  const input = Array.from({ length: 2048 }, (_, at) => `text ${at}`);
  const { data } = await embeddings.create({ model: MODEL, input, dimensions: 16 });
  assert.deepEqual(data.map(({ index }) => index), [...input.keys()]);
  assert.ok(data.every(({ embedding }) => embedding.length === 16));
  const alone = await embeddings.create({ model: MODEL, input: input[2047], dimensions: 16 });
  assertNear([...data[2047].embedding], [...alone.data[0].embedding]);
});

test("Google's endpoint for OpenAI SDKs has vectors of Google's models", async () => {
  const google = openaiAtGoogle(server);
  const { data } = await google.embeddings.create({ model: 'gemini-embedding-001', input: ['a', 'b'] });
  assert.deepEqual(data.map(({ embedding }) => embedding.length), [3072, 3072]);
});

test('more dimensions than the model has are refused', async () => {
  const error = await thrown(() => embeddings.create({ model: MODEL, input: 'Hello', dimensions: 1537 }));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.match(error.message, /Invalid value for 'dimensions' = 1537/);
});
