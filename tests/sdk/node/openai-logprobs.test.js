import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GPT, collect, openai, said } from './clients.js';
import { start } from './server.js';
import { tokens } from './tokens.js';

const server = await start('--ids', 'by-request');
after(server.stop);
const client = openai(server);

const PROMPT = 'wonderful 🦜';
const SAID = tokens(`You said: ${PROMPT}`);
const REQUEST = { model: GPT, messages: said(PROMPT), logprobs: true, top_logprobs: 3 };

async function streamed(request) {
  return collect(await client.chat.completions.create({ ...request, stream: true }));
}

test('every token has a probability and its bytes', async () => {
  const completion = await client.chat.completions.create(REQUEST);
  const { content, refusal } = completion.choices[0].logprobs;
  assert.equal(refusal, null);
  assert.deepEqual(
    content.map(({ token }) => token),
    SAID,
  );
  for (const { token, logprob, bytes } of content) {
    assert.ok(logprob <= 0, `${logprob}`);
    assert.deepEqual(bytes, [...Buffer.from(token)]);
  }
});

test('the likeliest alternatives begin with the token itself', async () => {
  const completion = await client.chat.completions.create(REQUEST);
  for (const { token, logprob, bytes, top_logprobs } of completion.choices[0].logprobs.content) {
    assert.equal(top_logprobs.length, 3);
    assert.deepEqual(top_logprobs[0], { token, logprob, bytes });
    const falling = top_logprobs.map((top) => top.logprob);
    assert.deepEqual(
      falling,
      falling.toSorted((a, b) => b - a),
    );
    assert.equal(new Set(top_logprobs.map((top) => top.token)).size, 3);
  }
});

test('no alternatives are listed unless they are asked for', async () => {
  const { top_logprobs, ...request } = REQUEST;
  const completion = await client.chat.completions.create(request);
  assert.ok(completion.choices[0].logprobs.content.every((token) => token.top_logprobs.length === 0));
});

test('a stream gives each token in a chunk of its own', async () => {
  const choices = (await streamed(REQUEST)).map((chunk) => chunk.choices[0]);
  const spoken = choices.filter((choice) => choice.delta.content);
  assert.deepEqual(
    spoken.map((choice) => choice.delta.content),
    SAID,
  );
  assert.deepEqual(
    spoken.map((choice) => choice.logprobs.content.map(({ token }) => token)),
    SAID.map((token) => [token]),
  );
  assert.ok(choices.filter((choice) => !choice.delta.content).every((choice) => choice.logprobs === null));
});

test('probabilities are made up the same way every time', async () => {
  const once = await client.chat.completions.create(REQUEST);
  const again = await client.chat.completions.create(REQUEST);
  assert.deepEqual(again.choices, once.choices);
});
