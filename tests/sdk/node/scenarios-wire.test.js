// Shipped scenarios that teach trouble on the wire, and what the SDKs make of it.
// Where fetch fails or its body does, neither SDK tells more than fetch.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { GEMINI } from './clients.js';
import { thrown } from './refused.js';
import { content, pieces, stage, texts } from './scenarios.js';

/** Starts a server of these scenarios for this file's tests. */
async function staged(...names) {
  const { scene, stop } = await stage(...names);
  after(stop);
  return scene;
}

/** What came of OpenAI's stream, and what it ended with. */
async function openaiUntil(scene, prompt, options) {
  const got = [];
  const error = await ended(async () => {
    const stream = await scene.askOpenai(prompt, { stream: true }, { logLevel: 'off', ...options });
    for await (const chunk of stream) got.push(...pieces([chunk]));
  });
  return [got, error];
}

/** What came of Gemini's stream, and what it ended with. */
async function geminiUntil(scene, contents, options) {
  const got = [];
  const error = await ended(async () => {
    const stream = await scene.gemini(options).models.generateContentStream({ model: GEMINI, contents });
    for await (const chunk of stream) got.push(...texts([chunk]));
  });
  return [got, error];
}

const WAYS = [openaiUntil, geminiUntil];

async function ended(run) {
  try {
    await run();
    return undefined;
  } catch (error) {
    return error;
  }
}

const cut = await staged('32-cut-streams');

for (const [prompt, came, code] of [
  ['reset', ['One', ' two'], 'ECONNRESET'],
  ['close', ['One', ' two'], 'UND_ERR_SOCKET'],
  ['character', ['One'], 'UND_ERR_SOCKET'],
]) {
  test(`a stream that is cut fails behind what came: ${prompt}`, async () => {
    for (const until of WAYS) {
      const [got, error] = await until(cut(), prompt);
      assert.deepEqual([got, error.constructor, error.cause.code], [came, TypeError, code]);
    }
  });
}

test('nobody notices a stream that ends without a reason', async () => {
  for (const until of WAYS) assert.deepEqual(await until(cut(), 'complete'), [['One', ' two'], undefined]);
});

test("OpenAI's SDK tries again without a head, and not behind it", async () => {
  const broken = await staged('33-broken-answers');
  assert.equal(content(await broken().askOpenai('hang up', {}, { maxRetries: 2 })), 'Here I am.');
  const error = await thrown(() => broken().askOpenai('Hello', {}, { maxRetries: 2 }));
  assert.deepEqual([error.constructor, error.cause.code], [TypeError, 'ECONNRESET']);
});

test('a stall ends with a timeout where that counts the body', async () => {
  const stalls = await staged('34-stalls');
  const [came, aborted] = await geminiUntil(stalls(), 'silence', { timeout: 400 });
  assert.deepEqual([came, aborted.name], [['One'], 'AbortError']);
  // OpenAI's timeout is for the head alone: the stream would wait for ever.
  const stream = await stalls().askOpenai('silence', { stream: true }, { timeout: 200 });
  const events = stream[Symbol.asyncIterator]();
  let last;
  do {
    last = await Promise.race([events.next(), new Promise((resolve) => setTimeout(resolve, 600, 'nothing'))]);
  } while (last !== 'nothing' && !last.done);
  assert.equal(last, 'nothing');
  stream.controller.abort();
});

test('it is all the same how bytes come', async () => {
  const link = await staged('35-slow-link');
  for (const until of WAYS) {
    assert.deepEqual(await until(link(), 'characters'), [['Zürich ', '🦜 ', 'naïve'], undefined]);
    assert.deepEqual(await until(link(), 'one'), [['All', ' at', ' once'], undefined]);
  }
});

test('what is compressed is read, and what is damaged is not', async () => {
  const compression = await staged('36-compression');
  for (const until of WAYS) {
    assert.deepEqual(await until(compression(), 'gzip'), [['Small', ' and', ' smaller'], undefined]);
    assert.deepEqual(await until(compression(), 'held back'), [['Late', ' but', ' whole'], undefined]);
    const [came, error] = await until(compression(), 'damaged');
    assert.deepEqual([came, error.cause.code], [[], 'Z_DATA_ERROR']);
  }
});

test('a length is believed', async () => {
  const lengths = await staged('37-lengths');
  for (const until of WAYS) {
    assert.deepEqual(await until(lengths(), 'close'), [['Until', ' the', ' end'], undefined]);
    assert.deepEqual(await until(lengths(), 'cut'), [['Until', ' the'], undefined]);
    const [came, error] = await until(lengths(), 'no size');
    // Not every version of Node gives it a code.
    assert.deepEqual([came, error.cause.name], [[], 'HTTPParserError']);
  }
});

test('the type of a stream is not looked at, its status is', async () => {
  const heads = await staged('38-heads');
  for (const until of WAYS) {
    for (const prompt of ['json type', 'no type', 'capitals']) {
      assert.deepEqual(await until(heads(), prompt), [['Never', ' mind'], undefined]);
    }
    assert.equal((await until(heads(), 'status'))[1].status, 500);
  }
});

test('a big upload is refused before it has come', async () => {
  const early = await staged('40-early');
  const much = 'much '.repeat(250_000);
  assert.equal((await thrown(() => early().askOpenai(much))).status, 413);
  assert.equal((await thrown(() => early().askGemini(much))).status, 413);
  assert.equal(content(await early().askOpenai('little')), 'That is not too much.');
  // Behind a close the reason may be lost.
  const error = await thrown(() => early().askOpenai('much '.repeat(500_000)));
  assert.ok(error.status === 413 || error instanceof OpenAI.APIConnectionError);
});

test('connections fail until the server is open', async () => {
  const opening = (await staged('41-connections'))();
  for (let count = 0; count < 3; count += 1) {
    assert.ok((await thrown(() => opening.askOpenai())) instanceof OpenAI.APIConnectionError);
  }
  assert.equal(content(await opening.askOpenai()), 'Now we are open.');
});

const odd = await staged('42-odd-events');

for (const [prompt, byOpenai, byGemini] of [
  ['comments', true, true],
  ['blocks', false, true],
  ['lines', true, true],
  ['pretty', true, false],
  ['members', true, true],
  ['unended', true, false],
]) {
  test(`odd events are borne by some: ${prompt}`, async () => {
    for (const [until, isBorne] of [[openaiUntil, byOpenai], [geminiUntil, byGemini]]) {
      const [came, error] = await until(odd(), prompt);
      assert.equal(error === undefined, isBorne);
      if (isBorne) assert.deepEqual(came, ['One', ' two']);
    }
  });
}

test('a malformed event is noticed', async () => {
  const malformed = await staged('43-malformed-events');
  for (const until of WAYS) {
    const [came, error] = await until(malformed(), 'half');
    assert.deepEqual([came, error.constructor], [['One'], SyntaxError]);
  }
  const [came, error] = await openaiUntil(malformed(), 'error');
  assert.deepEqual(came, ['One']);
  assert.match(error.message, /overloaded/);
});

test('a header lays trouble on the wire', async () => {
  const hello = await staged('44-wire-on-demand', '01-hello');
  const wire = (fault) => ({ defaultHeaders: { 'x-wire': fault } });
  const [, error] = await openaiUntil(hello(), 'Hello', wire('reset'));
  assert.equal(error.cause.code, 'ECONNRESET');
  assert.deepEqual(await openaiUntil(hello(), 'Hello', wire('gzip')), [['Hello!'], undefined]);
});
