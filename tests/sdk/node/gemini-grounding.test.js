import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { FinishReason, Language, Outcome, UrlRetrievalStatus } from '@google/genai';

import { GEMINI, collect, gemini } from './clients.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

function request(contents, ...tools) {
  return { model: GEMINI, contents, config: { tools } };
}

test('segments are found by their bytes', async () => {
  const asked = request('Grüezi! Wo ist Zürich?', { googleSearch: {} });
  const whole = await models.generateContent(asked);
  const chunks = await collect(await models.generateContentStream(asked));
  assert.equal(chunks.map((chunk) => chunk.text).join(''), whole.text);
  for (const { groundingMetadata } of [whole.candidates[0], chunks.at(-1).candidates[0]]) {
    assert.deepEqual(groundingMetadata.webSearchQueries, ['Grüezi! Wo ist Zürich?']);
    const segments = groundingMetadata.groundingSupports.map((support) => support.segment);
    assert.equal(segments.length, 2);
    assert.ok(!('startIndex' in segments[0]));
    const bytes = Buffer.from(whole.text);
    for (const { startIndex = 0, endIndex, text } of segments) {
      assert.equal(bytes.subarray(startIndex, endIndex).toString(), text);
    }
  }
  assert.equal(chunks.filter((chunk) => chunk.candidates[0].groundingMetadata).length, 1);
});

test('pages are read', async () => {
  const response = await models.generateContent(request('See https://a.example/x.', { urlContext: {} }));
  assert.deepEqual(response.candidates[0].urlContextMetadata, {
    urlMetadata: [
      {
        retrievedUrl: 'https://a.example/x',
        urlRetrievalStatus: UrlRetrievalStatus.URL_RETRIEVAL_STATUS_SUCCESS,
      },
    ],
  });
});

test('a program is run in front of the text', async () => {
  const response = await models.generateContent(request('Hello', { codeExecution: {} }));
  assert.deepEqual(response.candidates[0].content.parts, [
    { executableCode: { language: Language.PYTHON, code: 'print(6 * 7)\n' } },
    { codeExecutionResult: { outcome: Outcome.OUTCOME_OK, output: '42\n' } },
    { text: 'You said: Hello' },
  ]);
  assert.equal(response.executableCode, 'print(6 * 7)\n');
  assert.equal(response.codeExecutionResult, '42\n');
});

test('what the tools put into the prompt is counted apart', async () => {
  const { usageMetadata: usage } = await models.generateContent(request('Hello', { googleSearch: {} }));
  assert.ok(usage.toolUsePromptTokenCount > 0);
  assert.deepEqual(usage.toolUsePromptTokensDetails, [
    { modality: 'TEXT', tokenCount: usage.toolUsePromptTokenCount },
  ]);
  assert.equal(usage.totalTokenCount, 1 + 3 + usage.toolUsePromptTokenCount);
});

test('every token has its log probability where they are asked for', async () => {
  const config = { responseLogprobs: true, logprobs: 2 };
  const [candidate] = (await models.generateContent({ model: GEMINI, contents: 'Hello', config })).candidates;
  const { chosenCandidates, topCandidates } = candidate.logprobsResult;
  assert.deepEqual(
    chosenCandidates.map(({ token }) => token),
    ['You', ' said:', ' Hello'],
  );
  assert.deepEqual(
    topCandidates.map(({ candidates }) => candidates[0]),
    chosenCandidates,
  );
  const sum = chosenCandidates.reduce((total, { logProbability }) => total + logProbability, 0);
  assert.ok(Math.abs(candidate.avgLogprobs - sum / 3) < 1e-9);
  assert.equal(candidate.finishReason, FinishReason.STOP);
});
