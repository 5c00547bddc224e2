import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { FinishReason } from '@google/genai';

import { stage, texts } from './scenarios.js';

const { scene, stop } = await stage('45-gemini');
after(stop);

test("Google's SDK asks for the rest by itself", async () => {
  const response = await scene().askGemini('Tell me a story.');
  assert.equal(response.text, 'Once upon a time there was a mynah.');
  assert.equal(response.candidates[0].finishReason, FinishReason.STOP);
});

test("Google's SDK goes on with a stream by itself", async () => {
  const chunks = await scene().streamGemini('Tell me a story.');
  assert.equal(texts(chunks).join(''), 'Once upon a time there was a mynah.');
  const reasons = chunks.flatMap((chunk) => chunk.candidates[0].finishReason ?? []);
  assert.deepEqual(reasons, [FinishReason.STOP]);
});

test('what is not over is told where the SDK is not to go on', async () => {
  const story = scene();
  const first = await story.askGemini('Tell me a story.', { automaticContinuation: false });
  const [{ finishReason, continuationToken }] = first.candidates;
  assert.deepEqual([first.text, finishReason], ['Once upon a time', FinishReason.CONTINUATION]);
  const rest = await story.askGemini('Tell me a story.', { continuationToken });
  assert.equal(rest.text, ' there was a mynah.');
});

test('a picture that is withheld leaves no content', async () => {
  for (const candidate of [
    (await scene().askGemini('Draw a picture.')).candidates[0],
    (await scene().streamGemini('Draw a picture.'))[0].candidates[0],
  ]) {
    assert.deepEqual(candidate, { finishReason: FinishReason.IMAGE_SAFETY, index: 0 });
  }
});

test('quotes are told', async () => {
  const response = await scene().askGemini('A quote!');
  assert.deepEqual(response.candidates[0].citationMetadata.citations, [
    { startIndex: 0, endIndex: 20, uri: 'https://example.test/hamlet', license: 'mit' },
  ]);
});
