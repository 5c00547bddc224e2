import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { ThinkingLevel } from '@google/genai';

import { GEMINI, collect, gemini } from './clients.js';
import { start } from './server.js';
import { count, tokens, words } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

const THOUGHT = 'I am asked something. I will say it back.';

function request(thinkingConfig, config = {}) {
  return { model: GEMINI, contents: 'Hello', config: { thinkingConfig, ...config } };
}

test('thoughts that are wanted come first', async () => {
  const response = await models.generateContent(request({ includeThoughts: true }));
  assert.deepEqual(response.candidates[0].content.parts, [
    { text: THOUGHT, thought: true },
    { text: 'You said: Hello' },
  ]);
  assert.equal(response.text, 'You said: Hello');
  assert.deepEqual(response.usageMetadata, {
    promptTokenCount: 1,
    candidatesTokenCount: 3,
    totalTokenCount: 1 + 3 + count(THOUGHT),
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1 }],
    thoughtsTokenCount: count(THOUGHT),
  });
});

test('thoughts that are not shown are counted', async () => {
  for (const thinkingConfig of [{ thinkingBudget: -1 }, { thinkingLevel: ThinkingLevel.LOW }]) {
    const response = await models.generateContent(request(thinkingConfig));
    assert.deepEqual(response.candidates[0].content.parts, [{ text: 'You said: Hello' }]);
    assert.equal(response.usageMetadata.thoughtsTokenCount, count(THOUGHT));
  }
});

test('a budget of 0 switches thoughts off', async () => {
  const response = await models.generateContent(request({ thinkingBudget: 0, includeThoughts: true }));
  assert.deepEqual(response.candidates[0].content.parts, [{ text: 'You said: Hello' }]);
  assert.equal(response.usageMetadata.thoughtsTokenCount, undefined);
  assert.equal(response.usageMetadata.totalTokenCount, 4);
});

test('thoughts stay within their budget', async () => {
  const response = await models.generateContent(request({ thinkingBudget: 4, includeThoughts: true }));
  const [thought] = response.candidates[0].content.parts;
  assert.equal(thought.text, tokens(THOUGHT).slice(0, 4).join(''));
  assert.equal(response.usageMetadata.thoughtsTokenCount, 4);
});

test('an answer that was not asked to think does not', async () => {
  const response = await models.generateContent({ model: GEMINI, contents: 'Hello' });
  assert.equal(response.usageMetadata.thoughtsTokenCount, undefined);
});

test('thoughts are streamed in front of the answer', async () => {
  const chunks = await collect(await models.generateContentStream(request({ includeThoughts: true })));
  const parts = chunks.map((chunk) => chunk.candidates[0].content.parts[0]);
  const thoughts = parts.filter((part) => part.thought);
  assert.deepEqual(
    thoughts.map((part) => part.text),
    words(THOUGHT),
  );
  assert.deepEqual(
    parts.slice(thoughts.length).map((part) => part.text),
    ['You', ' said:', ' Hello'],
  );
});

test('thoughts are counted before the answer is', async () => {
  const chunks = await collect(await models.generateContentStream(request({ includeThoughts: true })));
  const first = chunks[0].usageMetadata;
  assert.equal(first.thoughtsTokenCount, 1);
  assert.equal(first.candidatesTokenCount, undefined);
  assert.equal(first.totalTokenCount, 2);
  const last = chunks.at(-1).usageMetadata;
  assert.equal(last.thoughtsTokenCount, count(THOUGHT));
  assert.equal(last.candidatesTokenCount, 3);
});

test('hidden thoughts are counted on a stream, too', async () => {
  const chunks = await collect(await models.generateContentStream(request({ thinkingBudget: -1 })));
  assert.ok(chunks.every((chunk) => !chunk.candidates[0].content.parts[0].thought));
  assert.equal(chunks.at(-1).usageMetadata.thoughtsTokenCount, count(THOUGHT));
});

test('a call is thought about, too', async () => {
  const response = await models.generateContent(
    request(
      { includeThoughts: true },
      {
        tools: [{ functionDeclarations: [{ name: 'ping' }] }],
        toolConfig: { functionCallingConfig: { mode: 'ANY' } },
      },
    ),
  );
  assert.deepEqual(response.candidates[0].content.parts, [
    { text: THOUGHT, thought: true },
    { functionCall: { name: 'ping', args: {} } },
  ]);
});
