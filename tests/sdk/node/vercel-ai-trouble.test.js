import assert from 'node:assert/strict';
import { test } from 'node:test';

import { APICallError, RetryError, generateText, streamText } from 'ai';

import { collect } from './clients.js';
import { AI_INTERRUPTED } from './generation.js';
import { thrown } from './refused.js';
import { play } from './scenarios.js';
import { start } from './server.js';
import { MODELS } from './vercel-ai.js';

for (const [name, model] of Object.entries(MODELS)) {
  test(`${name}: a server that is overloaded is asked again`, async () => {
    // As soon as it is allowed, where the dialect has a header for it.
    const after = name === 'google' ? '' : ', retry_after: {ms: 5ms}';
    await using server = await play(
      `{scenario: 1, stubs: {then: [{error: {status: 503${after}}}, {text: Here I am.}]}}`,
    );
    const { text } = await generateText({ model: model(server), prompt: 'Hello', maxRetries: 1 });
    assert.equal(text, 'Here I am.');
  });

  test(`${name}: the last of all refusals is told`, async () => {
    const after = name === 'google' ? '' : ', retry_after: {ms: 5ms}';
    await using server = await play(
      `{scenario: 1, stubs: {then: {error: {status: 429, message: Slower.${after}}}}}`,
    );
    const error = await thrown(() => generateText({ model: model(server), prompt: 'Hello', maxRetries: 1 }));
    assert.ok(RetryError.isInstance(error), `${error}`);
    assert.equal(error.errors.length, 2);
    assert.ok(APICallError.isInstance(error.lastError));
    assert.deepEqual([error.lastError.statusCode, error.lastError.message], [429, 'Slower.']);
  });

  test(`${name}: what breaks a rule is refused once`, async () => {
    await using server = await start();
    const error = await thrown(() => generateText({ model: model(server), prompt: 'Hello', topP: 3 }));
    assert.ok(APICallError.isInstance(error), `${error}`);
    assert.deepEqual([error.statusCode, error.isRetryable], [400, false]);
    assert.match(error.message, /top_p/);
  });

  test(`${name}: a stream that is refused has the error as its part`, async () => {
    await using server = await start();
    const errors = [];
    const stream = streamText({
      model: model(server),
      prompt: 'Hello',
      topP: 3,
      onError: ({ error }) => errors.push(error),
    });
    const parts = await collect(stream.fullStream);
    assert.ok(parts.some((part) => part.type === 'error'));
    assert.deepEqual(
      errors.map((error) => error.statusCode),
      [400],
    );
  });

  test(`${name}: a stream that breaks off brings what came, and raises`, async () => {
    await using server = await play(
      '{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: close}}}}}',
    );
    const texts = [];
    const error = await thrown(async () => {
      for await (const part of streamText({ model: model(server), prompt: 'Hello' }).fullStream) {
        if (part.type === 'text-delta') texts.push(part.text);
      }
    });
    assert.deepEqual(texts, ['One', 'two']);
    assert.ok(APICallError.isInstance(error), `${error}`);
    assert.match(error.cause.message, /terminated/);
  });

  test(`${name}: a stream that ends without a reason says so`, async () => {
    await using server = await play(
      '{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: complete}}}}}',
    );
    const stream = streamText({ model: model(server), prompt: 'Hello', onError: () => {} });
    assert.equal((await collect(stream.textStream)).join(''), 'Onetwo');
    assert.equal(await stream.finishReason, name === 'compatible' ? 'error' : AI_INTERRUPTED);
  });
}
