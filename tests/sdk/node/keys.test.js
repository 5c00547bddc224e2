import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { GEMINI, GPT, gemini, openai, openaiAtGoogle, said } from './clients.js';
import { OPENAI_READS_LISTS } from './generation.js';
import { googleError, googleStreamError, thrown } from './refused.js';
import { start } from './server.js';

const RIGHT = 'sk-right-1234567890abcdef';
const WRONG = 'sk-wrong-1234567890fedcba';

const server = await start('--api-key', RIGHT, '--api-key', 'another');
after(server.stop);

const PROMPT = { model: GEMINI, contents: 'Hello' };

test('right keys are let in', async () => {
  for (const apiKey of [RIGHT, 'another']) {
    const completion = await openai(server, { apiKey }).chat.completions.create({
      model: GPT,
      messages: said('Hello'),
    });
    assert.equal(completion.choices[0].message.content, 'You said: Hello');
    assert.equal((await gemini(server, { apiKey }).models.generateContent(PROMPT)).text, 'You said: Hello');
  }
});

test('without a list of keys any key will do', async () => {
  await using open = await start();
  assert.equal(
    (await gemini(open, { apiKey: WRONG }).models.generateContent(PROMPT)).text,
    'You said: Hello',
  );
});

for (const stream of [false, true]) {
  test(`a wrong key is an AuthenticationError, ${stream ? 'streamed' : 'plain'}`, async () => {
    const client = openai(server, { apiKey: WRONG });
    const error = await thrown(() =>
      client.chat.completions.create({ model: GPT, messages: said('Hello'), stream }),
    );
    assert.ok(error instanceof OpenAI.AuthenticationError, `${error}`);
    assert.equal(error.status, 401);
    assert.match(
      error.message,
      /^401 Incorrect API key provided: sk-wrong\*+dcba\. You can find your API key at /,
    );
    assert.deepEqual(
      [error.type, error.param, error.code],
      ['invalid_request_error', null, 'invalid_api_key'],
    );
    assert.match(error.requestID, /^req_/);
  });
}

test('a wrong key does not list OpenAI models', async () => {
  const error = await thrown(async () => openai(server, { apiKey: WRONG }).models.list());
  assert.ok(error instanceof OpenAI.AuthenticationError, `${error}`);
});

test('a missing key is a 401 without a code', async () => {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ model: GPT, messages: said('Hello') }),
  });
  const { error } = await response.json();
  assert.equal(response.status, 401);
  assert.match(error.message, /^You didn't provide an API key\./);
  assert.deepEqual([error.type, error.param, error.code], ['invalid_request_error', null, null]);
});

function assertInvalidKey(error) {
  assert.equal(error.code, 400);
  assert.equal(error.message, 'API key not valid. Please pass a valid API key.');
  const [info, localized] = error.details;
  assert.deepEqual(info, {
    '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
    reason: 'API_KEY_INVALID',
    domain: 'googleapis.com',
    metadata: { service: 'generativelanguage.googleapis.com' },
  });
  assert.equal(localized['@type'], 'type.googleapis.com/google.rpc.LocalizedMessage');
  assert.equal(localized.locale, 'en-US');
}

test('a wrong key is an invalid argument at Google', async () => {
  const { models } = gemini(server, { apiKey: WRONG });
  for (const call of [
    () => models.generateContent(PROMPT),
    () => models.countTokens(PROMPT),
    () => models.list(),
    () => models.get({ model: GEMINI }),
  ]) {
    const error = await googleError(call);
    assert.equal(error.status, 'INVALID_ARGUMENT');
    assertInvalidKey(error);
  }
});

test('a wrong key on a stream is refused before it begins', async () => {
  const { models } = gemini(server, { apiKey: WRONG });
  const error = await googleStreamError(() => models.generateContentStream(PROMPT));
  assert.equal(error.reason, 'Bad Request');
  assert.equal(error.status, 'INVALID_ARGUMENT');
  assertInvalidKey(error);
});

test('a missing key is a matter of permission at Google', async () => {
  const url = `${server.url}/v1beta/models/${GEMINI}:generateContent`;
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ contents: [{ parts: [{ text: 'x' }] }] }),
  });
  const { error } = await response.json();
  assert.equal(response.status, 403);
  assert.equal(error.status, 'PERMISSION_DENIED');
});

test('a wrong bearer token is not authenticated at Google', async () => {
  const url = `${server.url}/v1beta/models`;
  const response = await fetch(url, { headers: { authorization: `Bearer ${WRONG}` } });
  const { error } = await response.json();
  assert.equal(response.status, 401);
  assert.equal(error.status, 'UNAUTHENTICATED');
  assert.equal(error.details[0].reason, 'ACCESS_TOKEN_TYPE_UNSUPPORTED');
});

test('a wrong key is an invalid argument for OpenAI SDKs at Google, too', async () => {
  const client = openaiAtGoogle(server, { apiKey: WRONG });
  const error = await thrown(() =>
    client.chat.completions.create({ model: GEMINI, messages: said('Hello') }),
  );
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  const message = OPENAI_READS_LISTS ? /API key not valid\. Please pass a valid API key\./ : /\(no body\)/;
  assert.match(error.message, message);
});

test('no refusal repeats a key', async () => {
  const refusals = await Promise.all([
    thrown(async () => openai(server, { apiKey: WRONG }).models.list()),
    thrown(() => openaiAtGoogle(server, { apiKey: WRONG }).models.list()),
    thrown(() => gemini(server, { apiKey: WRONG }).models.generateContent(PROMPT)),
  ]);
  for (const error of refusals) {
    const told = `${error.message} ${JSON.stringify(error.error)} ${JSON.stringify([...(error.headers ?? [])])}`;
    assert.ok(!told.includes(WRONG), told);
  }
});
