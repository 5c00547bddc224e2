import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GEMINI, collect, gemini } from './clients.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

async function chunks(contents, config = {}) {
  return collect(await models.generateContentStream({ model: GEMINI, contents, config }));
}

function text(chunks, index = 0) {
  const candidates = chunks
    .flatMap((chunk) => chunk.candidates)
    .filter((candidate) => candidate.index === index);
  return candidates
    .flatMap((candidate) => candidate.content.parts ?? [])
    .map((part) => part.text)
    .join('');
}

test('a stream says word by word what was said', async () => {
  const all = await chunks('Hello you');
  assert.deepEqual(
    all.map((chunk) => chunk.text),
    ['You', ' said:', ' Hello', ' you'],
  );
  assert.ok(all.every((chunk) => chunk.candidates[0].content.role === 'model'));
});

test('the last chunk alone says why a stream ends', async () => {
  const all = await chunks('Hello');
  assert.deepEqual(
    all.map((chunk) => chunk.candidates[0].finishReason),
    [undefined, undefined, 'STOP'],
  );
});

test('all chunks of a stream belong together', async () => {
  const all = await chunks('Hello');
  assert.equal(new Set(all.map((chunk) => chunk.responseId)).size, 1);
  assert.match(all[0].responseId, /^[\w-]{20,24}$/);
  assert.ok(all.every((chunk) => chunk.modelVersion === GEMINI));
  assert.equal(all[0].sdkHttpResponse.headers['content-type'], 'text/event-stream');
  assert.equal(all[0].sdkHttpResponse.headers['content-disposition'], 'attachment');
});

test('usage grows from chunk to chunk', async () => {
  const all = await chunks('Hello');
  assert.deepEqual(
    all.map(({ usageMetadata }) => usageMetadata),
    [1, 2, 3].map((tokens) => ({
      promptTokenCount: 1,
      candidatesTokenCount: tokens,
      totalTokenCount: 1 + tokens,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 1 }],
    })),
  );
});

test('candidates take turns, each with an end of its own', async () => {
  const all = await chunks('Hello', { candidateCount: 2 });
  const turns = all.flatMap((chunk) => chunk.candidates);
  assert.deepEqual(
    turns.map(({ index, content, finishReason }) => [index, content.parts[0].text, finishReason]),
    [
      [0, 'You', undefined],
      [1, 'You', undefined],
      [0, ' said:', undefined],
      [1, ' said:', undefined],
      [0, ' Hello', 'STOP'],
      [1, ' Hello', undefined],
      [1, ' (2)', 'STOP'],
    ],
  );
  assert.equal(
    all.at(-1).usageMetadata.candidatesTokenCount,
    count('You said: Hello', 'You said: Hello (2)'),
  );
});

test('a stream ends in front of a stop sequence', async () => {
  const all = await chunks('one two three', { stopSequences: ['wo'] });
  assert.equal(text(all), 'You said: one t');
  assert.equal(all.at(-1).candidates[0].finishReason, 'STOP');
});

test('a stream that reaches its limit says so', async () => {
  const all = await chunks('wonderful', { maxOutputTokens: 3 });
  assert.equal(text(all), 'You said: wonde');
  assert.equal(all.at(-1).candidates[0].finishReason, 'MAX_TOKENS');
});

test('a stream of which a stop sequence leaves nothing still ends', async () => {
  const all = await chunks('Hello', { stopSequences: ['You'] });
  assert.equal(text(all), '');
  assert.equal(all.length, 1);
  assert.equal(all[0].candidates[0].finishReason, 'STOP');
  assert.equal(all[0].usageMetadata.candidatesTokenCount, undefined);
});

for (const [name, prompt] of [
  ['emoji and other scripts', 'Zoë 🦜🦜 👩‍👩‍👧 日本語 \u{10ffff}'],
  ['every kind of line end', 'a\nb\r\nc\rd\u2028e\u2029f\u0085g\u000bh\u000ci'],
  ['what looks like events', 'data: {"x":1}\r\n\r\ndata: [DONE]\n\nevent: error\n\n: ping'],
  ['quotes, escapes and control characters', '"\\" \\u0041 \u0000\u0001\u001b</script>'],
  ['what looks like an error', '{"error": {"code": 500}}'],
  ['blanks at both ends', '  \t\n x \n '],
]) {
  test(`a stream brings ${name} whole`, async () => {
    assert.equal(text(await chunks(prompt)), `You said: ${prompt}`);
  });
}

test('a stream and a plain answer say the same', async () => {
  const plain = await models.generateContent({
    model: GEMINI,
    contents: 'Hello',
    config: { candidateCount: 2 },
  });
  const all = await chunks('Hello', { candidateCount: 2 });
  assert.deepEqual(
    plain.candidates.map((candidate) => candidate.content.parts[0].text),
    [text(all, 0), text(all, 1)],
  );
  assert.deepEqual(all.at(-1).usageMetadata, plain.usageMetadata);
});

test('a client that leaves in the middle is no trouble', async () => {
  const stream = await models.generateContentStream({ model: GEMINI, contents: 'word '.repeat(5000) });
  for await (const chunk of stream) {
    if (chunk.text) break;
  }
  assert.equal(text(await chunks('Hello')), 'You said: Hello');
});
