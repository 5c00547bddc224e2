// Shipped scenarios that teach trouble: errors, retries, proxies, broken streams.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ApiError } from '@google/genai';
import OpenAI from 'openai';

import { GEMINI } from './clients.js';
import { googleError, googleStreamError, thrown } from './refused.js';
import { content, pieces, stage } from './scenarios.js';

/** Starts a server of these scenarios for this file's tests. */
async function staged(...names) {
  const { scene, stop } = await stage(...names);
  after(stop);
  return scene;
}

const ERRORS = [
  [400, OpenAI.BadRequestError, 'INVALID_ARGUMENT'],
  [401, OpenAI.AuthenticationError, 'UNAUTHENTICATED'],
  [402, OpenAI.APIError, 'FAILED_PRECONDITION'],
  [403, OpenAI.PermissionDeniedError, 'PERMISSION_DENIED'],
  [404, OpenAI.NotFoundError, 'NOT_FOUND'],
  [408, OpenAI.APIError, 'DEADLINE_EXCEEDED'],
  [409, OpenAI.ConflictError, 'ABORTED'],
  [413, OpenAI.APIError, 'INVALID_ARGUMENT'],
  [422, OpenAI.UnprocessableEntityError, 'INVALID_ARGUMENT'],
  [429, OpenAI.RateLimitError, 'RESOURCE_EXHAUSTED'],
  [500, OpenAI.InternalServerError, 'INTERNAL'],
  [501, OpenAI.InternalServerError, 'UNIMPLEMENTED'],
  [502, OpenAI.InternalServerError, 'UNAVAILABLE'],
  [503, OpenAI.InternalServerError, 'UNAVAILABLE'],
  [504, OpenAI.InternalServerError, 'DEADLINE_EXCEEDED'],
  [529, OpenAI.InternalServerError, 'UNAVAILABLE'],
];

const errors = await staged('04-errors');

for (const [code, kind, status] of ERRORS) {
  test(`an error ${code} is thrown as what it is`, async () => {
    const scene = errors();
    const byPrompt = await thrown(() => scene.askOpenai(`error ${code}`));
    const defaultHeaders = { 'x-error': code };
    const byHeader = await thrown(() => scene.streamOpenai('Hello', {}, { defaultHeaders }));
    for (const error of [byPrompt, byHeader]) {
      assert.deepEqual([error.constructor, error.status], [kind, code]);
      assert.ok(error.error.message && error.requestID);
    }
    const told = await googleError(() => scene.askGemini(`error ${code}`));
    assert.deepEqual([told.code, told.status], [code, status]);
    const streamed = await googleStreamError(() => scene.streamGemini(`error ${code}`));
    assert.deepEqual([streamed.code, streamed.status], [code, status]);
  });
}

test('an error has the parts that are set', async () => {
  const own = (await staged('05-own-errors'))();
  const poor = await thrown(() => own.askOpenai('An empty account'));
  assert.deepEqual(
    [poor.status, poor.message, poor.type, poor.code],
    [402, '402 Insufficient balance.', 'billing_error', null],
  );
  const quota = await thrown(() => own.askOpenai('My balance'));
  assert.deepEqual([quota.status, quota.code], [429, 'insufficient_quota']);
  const account = await googleError(() => own.askGemini('An empty account'));
  assert.deepEqual([account.code, account.status], [402, 'FAILED_PRECONDITION']);
  const gateway = await googleError(() => own.askGemini('The gateway'));
  assert.deepEqual(gateway, { code: 502, message: 'The upstream is away.', status: 'UNAVAILABLE' });
});

const retry = await staged('06-retry');

test("OpenAI's SDK tries again after the time it is told", async () => {
  const waited = [];
  const noting = async (url, init) => {
    const response = await fetch(url, init);
    waited.push(response.headers.get('retry-after-ms'));
    return response;
  };
  const begun = performance.now();
  const completion = await retry().askOpenai('Hello', {}, { maxRetries: 2, fetch: noting });
  assert.equal(content(completion), 'Thank you for waiting.');
  assert.deepEqual(waited, ['50', '50', null]);
  assert.ok(performance.now() - begun >= 98);
});

test('too few retries end with the error', async () => {
  const scene = retry();
  assert.ok((await thrown(() => scene.askOpenai('Hello', {}, { maxRetries: 1 }))) instanceof OpenAI.RateLimitError);
  const error = await googleError(() => scene.askGemini('Come tomorrow'));
  const [info] = error.details.filter((detail) => detail['@type'].endsWith('RetryInfo'));
  assert.equal(info.retryDelay, '86400s');
});

test("a proxy's page is an error of its status", async () => {
  const proxies = (await staged('26-proxies'))();
  const byOpenai = await thrown(() => proxies.askOpenai('bad gateway'));
  assert.ok(byOpenai instanceof OpenAI.InternalServerError);
  assert.deepEqual([byOpenai.status, byOpenai.headers.get('server')], [502, 'nginx']);
  assert.match(byOpenai.message, /<h1>502 Bad Gateway<\/h1>/);
  const byGemini = await thrown(() => proxies.askGemini('bad gateway'));
  assert.ok(byGemini instanceof ApiError);
  assert.equal(byGemini.status, 502);
  assert.equal((await thrown(() => proxies.askOpenai('silence'))).status, 504);
});

test('chance strikes now and then', async () => {
  const chance = (await staged('27-chance'))();
  const outcomes = new Set();
  for (let count = 0; count < 20; count += 1) {
    outcomes.add(await chance.askOpenai().then(content, (error) => error.status));
  }
  assert.deepEqual(outcomes, new Set(['Lucky.', 503]));
});

const faulty = await staged('28-fault-on-demand', '01-hello');

test('a header lays trouble over what is below', async () => {
  const scene = faulty();
  const fault = (name) => ({ 'x-fault': name });
  assert.equal(content(await scene.askOpenai()), 'Hello!');
  const cut = await scene.askOpenai('Hello', {}, { defaultHeaders: fault('cut') });
  assert.deepEqual([content(cut), cut.choices[0].finish_reason], ['Hello!', 'length']);
  const response = await scene.askGemini('Hello', {}, { headers: fault('cut') });
  assert.deepEqual([response.text, response.candidates[0].finishReason], ['Hello!', 'MAX_TOKENS']);
  const stuck = await thrown(() => scene.askOpenai('Hello', {}, { defaultHeaders: fault('stuck'), timeout: 200 }));
  assert.ok(stuck instanceof OpenAI.APIConnectionTimeoutError);
  const once = await scene.askOpenai('Hello', {}, { defaultHeaders: fault('once'), maxRetries: 1 });
  assert.equal(content(once), 'Hello!');
});

const broken = await staged('30-broken-streams');

test("a stream of OpenAI's breaks off with an error", async () => {
  const chunks = [];
  const error = await thrown(async () => {
    for await (const chunk of await broken().askOpenai('Only half', { stream: true })) chunks.push(chunk);
  });
  assert.deepEqual(pieces(chunks), ['Hel']);
  assert.ok(error instanceof OpenAI.APIError);
  assert.match(error.message, /overloaded/);
});

test("a stream of Gemini's breaks off with an error", async () => {
  const request = { model: GEMINI, contents: 'Only half' };
  const stream = await broken().gemini().models.generateContentStream(request);
  assert.equal((await stream.next()).value.text, 'Hel');
  const error = await thrown(() => stream.next());
  assert.ok(error instanceof ApiError);
  assert.equal(error.status, 503);
});

test('a garbled line is noticed', async () => {
  // It would print what it throws.
  const quiet = { logLevel: 'off' };
  assert.ok((await thrown(() => broken().streamOpenai('garbled', {}, quiet))) instanceof SyntaxError);
  assert.ok(await thrown(() => broken().streamGemini('garbled')));
});

test('an empty stream has no events', async () => {
  assert.deepEqual(await broken().streamOpenai('empty'), []);
  assert.deepEqual(await broken().streamGemini('empty'), []);
});
