// Google's SDK of old for Node.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import {
  FunctionCallingMode,
  GoogleGenerativeAI,
  GoogleGenerativeAIFetchError,
  SchemaType,
} from '@google/generative-ai';

import { GEMINI, collect } from './clients.js';
import { thrown } from './refused.js';
import { play } from './scenarios.js';
import { start } from './server.js';

const server = await start();
after(server.stop);

function model(options = {}, { url } = server, apiKey = 'any') {
  return new GoogleGenerativeAI(apiKey).getGenerativeModel({ model: GEMINI, ...options }, { baseUrl: url });
}

const WEATHER = {
  name: 'weather',
  description: 'How the weather is.',
  parameters: {
    type: SchemaType.OBJECT,
    properties: { city: { type: SchemaType.STRING } },
    required: ['city'],
  },
};
const MUST = { functionCallingConfig: { mode: FunctionCallingMode.ANY } };

test('a model says back the prompt', async () => {
  const { response } = await model().generateContent('Hello');
  assert.equal(response.text(), 'You said: Hello');
  assert.equal(response.candidates[0].finishReason, 'STOP');
  const { promptTokenCount, candidatesTokenCount, totalTokenCount } = response.usageMetadata;
  assert.deepEqual([promptTokenCount, candidatesTokenCount, totalTokenCount], [1, 3, 4]);
});

test('a stream comes back whole', async () => {
  const { stream, response } = await model().generateContentStream('Hello');
  const chunks = await collect(stream);
  assert.deepEqual(
    chunks.map((chunk) => chunk.text()),
    ['You', ' said:', ' Hello'],
  );
  assert.equal((await response).text(), 'You said: Hello');
});

test('any text comes back', async () => {
  for (const text of ['naïve 日本語 👩‍👧', 'a\r\nb\u0085c', 'data: {"x": 1}\r\n\r\n', '"\\u0041']) {
    assert.equal((await model().generateContent(text)).response.text(), `You said: ${text}`);
    const { response } = await model().generateContentStream(text);
    assert.equal((await response).text(), `You said: ${text}`);
  }
});

test('what ends a line for JavaScript ends an event too soon for this SDK', async () => {
  assert.equal((await model().generateContent('a\u2028b')).response.text(), 'You said: a\u2028b');
  const { response, stream } = await model().generateContentStream('a\u2028b');
  assert.match((await thrown(() => response)).message, /Failed to parse stream/);
  assert.match((await thrown(() => collect(stream))).message, /Failed to parse stream/);
});

test('a chat remembers what was said', async () => {
  const chat = model({ systemInstruction: 'Be brief.' }).startChat();
  assert.equal((await chat.sendMessage('one')).response.text(), 'You said: one');
  const { response } = await chat.sendMessageStream('two');
  assert.equal((await response).text(), 'You said: two');
  const history = await chat.getHistory();
  assert.deepEqual(
    history.map(({ role, parts }) => [role, parts.map((part) => part.text).join('')]),
    [
      ['user', 'one'],
      ['model', 'You said: one'],
      ['user', 'two'],
      ['model', 'You said: two'],
    ],
  );
});

test('functions are called where they must be, and their results said back', async () => {
  const chat = model({ tools: [{ functionDeclarations: [WEATHER] }] }).startChat({ toolConfig: MUST });
  const { response } = await chat.sendMessage('Hello');
  assert.deepEqual(response.functionCalls(), [{ name: 'weather', args: { city: 'city' } }]);
  const result = { functionResponse: { name: 'weather', response: { sky: 'blue' } } };
  const free = model({ tools: [{ functionDeclarations: [WEATHER] }] }).startChat({
    history: await chat.getHistory(),
  });
  assert.equal((await free.sendMessage([result])).response.text(), 'weather returned: {"sky":"blue"}');
});

test('a schema is filled', async () => {
  const generationConfig = { responseMimeType: 'application/json', responseSchema: WEATHER.parameters };
  const { response } = await model({ generationConfig }).generateContent('Hello');
  assert.deepEqual(JSON.parse(response.text()), { city: 'city' });
});

test('tokens are counted', async () => {
  assert.equal((await model().countTokens('Hello wonderful world')).totalTokens, 4);
});

test('texts have vectors', async () => {
  const embedder = model({ model: 'text-embedding-004' });
  const { embedding } = await embedder.embedContent('one');
  const requests = ['one', 'two'].map((text) => ({ content: { role: 'user', parts: [{ text }] } }));
  const { embeddings } = await embedder.batchEmbedContents({ requests });
  assert.equal(embedding.values.length, 768);
  assert.deepEqual(embeddings[0], embedding);
  assert.notDeepEqual(embeddings[1], embedding);
});

test('what breaks a rule is told with its status', async () => {
  for (const ask of ['generateContent', 'generateContentStream']) {
    const error = await thrown(() => model({ generationConfig: { temperature: 5 } })[ask]('Hello'));
    assert.ok(error instanceof GoogleGenerativeAIFetchError, `${error}`);
    assert.deepEqual([error.status, error.statusText], [400, 'Bad Request']);
    assert.match(error.message, /temperature must be in the range \[0\.0, 2\.0\]/);
  }
});

test('a wrong key is told with its details', async () => {
  await using locked = await start('--api-key', 'right');
  const error = await thrown(() => model({}, locked, 'wrong').generateContent('Hello'));
  assert.equal(error.status, 400);
  assert.equal(error.errorDetails[0].reason, 'API_KEY_INVALID');
});

test('a limit of rate is not tried again', async () => {
  await using limited = await play(
    '{scenario: 1, stubs: {then: [{error: {status: 429, message: Slower.}}, {text: Here I am.}]}}',
  );
  const error = await thrown(() => model({}, limited).generateContent('Hello'));
  assert.deepEqual([error.status, error.statusText], [429, 'Too Many Requests']);
  assert.match(error.message, /Slower\./);
  assert.equal((await model({}, limited).generateContent('Hello')).response.text(), 'Here I am.');
});

test('a blocked prompt has no text', async () => {
  await using strict = await play('{scenario: 1, stubs: {then: {block: SAFETY}}}');
  const { response } = await model({}, strict).generateContent('Hello');
  assert.equal(response.promptFeedback.blockReason, 'SAFETY');
  assert.throws(() => response.text(), /SAFETY/);
});
