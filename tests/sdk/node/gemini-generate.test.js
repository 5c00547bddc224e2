import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GEMINI, gemini } from './clients.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

function ask(contents, config = {}, model = GEMINI) {
  return models.generateContent({ model, contents, config });
}

test('an answer says the prompt back', async () => {
  const response = await ask('Hello');
  assert.equal(response.text, 'You said: Hello');
  assert.deepEqual(response.candidates, [
    { content: { parts: [{ text: 'You said: Hello' }], role: 'model' }, finishReason: 'STOP', index: 0 },
  ]);
});

test('an answer has all that Google puts around the candidates', async () => {
  const response = await ask('Hello');
  assert.equal(response.modelVersion, GEMINI);
  assert.match(response.responseId, /^[\w-]{20,24}$/);
  assert.deepEqual(response.usageMetadata, {
    promptTokenCount: 1,
    candidatesTokenCount: 3,
    totalTokenCount: 4,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1 }],
  });
  const { headers } = response.sdkHttpResponse;
  assert.equal(headers['content-type'], 'application/json; charset=UTF-8');
  assert.equal(headers.vary, 'Origin, X-Origin, Referer');
  assert.match(headers['server-timing'], /^gfet4t7; dur=\d+$/);
  assert.equal(headers['x-mynah-answer'], 'built-in');
});

for (const apiVersion of ['v1', 'v1beta', 'v1alpha']) {
  test(`${apiVersion} is served`, async () => {
    const paths = [];
    const watched = (url, init) => {
      paths.push(new URL(url).pathname);
      return fetch(url, init);
    };
    const client = gemini(server, { apiVersion, fetch: watched });
    const response = await client.models.generateContent({ model: GEMINI, contents: 'Hello' });
    assert.equal(response.text, 'You said: Hello');
    assert.deepEqual(paths, [`/${apiVersion}/models/${GEMINI}:generateContent`]);
  });
}

for (const model of ['some/one', 'gemini-2.5-flash:free', 'publishers/google/models/x', 'tunedModels/mine']) {
  test(`${model} is a model`, async () => {
    const response = await ask('Hello', {}, model);
    assert.equal(response.text, 'You said: Hello');
    assert.equal(response.modelVersion, model);
  });
}

test('a system instruction is counted and not said back', async () => {
  const response = await ask('Hello', { systemInstruction: 'Answer like a pirate.' });
  assert.equal(response.text, 'You said: Hello');
  assert.equal(response.usageMetadata.promptTokenCount, count('Answer like a pirate.', 'Hello'));
});

test('the last turn of the user is said back', async () => {
  const turn = (role, ...texts) => ({ role, parts: texts.map((text) => ({ text })) });
  const response = await ask([turn('user', 'One'), turn('model', 'Two'), turn('user', 'Three', 'Four')]);
  assert.equal(response.text, 'You said: Three\nFour');
  assert.equal(response.usageMetadata.promptTokenCount, 4);
});

test('candidates are numbered from the second on', async () => {
  const response = await ask('Hello', { candidateCount: 2 });
  assert.deepEqual(
    response.candidates.map(({ index, content, finishReason }) => [
      index,
      content.parts[0].text,
      finishReason,
    ]),
    [
      [0, 'You said: Hello', 'STOP'],
      [1, 'You said: Hello (2)', 'STOP'],
    ],
  );
  assert.equal(response.usageMetadata.candidatesTokenCount, count('You said: Hello', 'You said: Hello (2)'));
});

test('an answer ends in front of the stop sequence that is met first', async () => {
  const response = await ask('one two three', { stopSequences: ['three', ' two'] });
  assert.equal(response.text, 'You said: one');
  assert.equal(response.candidates[0].finishReason, 'STOP');
  assert.equal(response.usageMetadata.candidatesTokenCount, count('You said: one'));
});

test('maxOutputTokens cuts an answer behind a whole token', async () => {
  const response = await ask('wonderful', { maxOutputTokens: 3 });
  assert.equal(response.text, 'You said: wonde');
  assert.equal(response.candidates[0].finishReason, 'MAX_TOKENS');
  assert.equal(response.usageMetadata.candidatesTokenCount, 3);
});

test('usage counts pieces of six characters', async () => {
  const prompt = 'An extraordinarily  long\n\nwörd 🦜🦜🦜🦜🦜🦜🦜 ';
  const { usageMetadata } = await ask(prompt);
  const [asked, answered] = [count(prompt), count(`You said: ${prompt}`)];
  assert.deepEqual(usageMetadata, {
    promptTokenCount: asked,
    candidatesTokenCount: answered,
    totalTokenCount: asked + answered,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: asked }],
  });
});

test('settings that change nothing are taken', async () => {
  const response = await ask('Hello', {
    temperature: 0.5,
    topP: 0.9,
    topK: 40,
    seed: 7,
    presencePenalty: 0.1,
    frequencyPenalty: 0.1,
    safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }],
    tools: [{ googleSearch: {} }, { codeExecution: {} }, { urlContext: {} }],
  });
  assert.equal(response.text, 'You said: Hello');
});

test('no text is changed on its way', async () => {
  const prompt = '"Zoë" \\ 🦜👩‍👩‍👧 \u2028\u2029\u0085\r\n\t\u0001\u00a0 日本語 </script>\u{10ffff}';
  assert.equal((await ask(prompt)).text, `You said: ${prompt}`);
});

test('many calls at once each get their own answer', async () => {
  const prompts = Array.from({ length: 40 }, (_, at) => `Number ${at}`);
  const responses = await Promise.all(prompts.map((prompt) => ask(prompt)));
  assert.deepEqual(
    responses.map((response) => response.text),
    prompts.map((prompt) => `You said: ${prompt}`),
  );
  assert.equal(new Set(responses.map((response) => response.responseId)).size, prompts.length);
});
