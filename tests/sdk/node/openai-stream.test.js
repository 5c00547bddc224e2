import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GPT, collect, openai, said } from './clients.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const client = openai(server);

async function chunks(content, options = {}) {
  const stream = await client.chat.completions.create({
    model: GPT,
    messages: said(content),
    stream: true,
    ...options,
  });
  return collect(stream);
}

function text(chunks, index = 0) {
  const choices = chunks.flatMap((chunk) => chunk.choices).filter((choice) => choice.index === index);
  return choices.map((choice) => choice.delta.content ?? '').join('');
}

test('a stream says its role, then the words, then why it ends', async () => {
  const all = await chunks('Hello you');
  const choice = (delta, finish_reason = null) => [{ index: 0, delta, logprobs: null, finish_reason }];
  assert.deepEqual(
    all.map((chunk) => chunk.choices),
    [
      choice({ role: 'assistant', content: '', refusal: null }),
      choice({ content: 'You' }),
      choice({ content: ' said:' }),
      choice({ content: ' Hello' }),
      choice({ content: ' you' }),
      choice({}, 'stop'),
    ],
  );
});

test('all chunks of a stream belong together', async () => {
  const all = await chunks('Hello');
  const shared = ({ id, object, created, model, service_tier, system_fingerprint }) =>
    JSON.stringify({ id, object, created, model, service_tier, system_fingerprint });
  assert.deepEqual(new Set(all.map(shared)), new Set([shared(all[0])]));
  assert.match(all[0].id, /^chatcmpl-[0-9A-Za-z]{29}$/);
  assert.equal(all[0].object, 'chat.completion.chunk');
  assert.equal(all[0].model, GPT);
});

test('include_usage adds one chunk behind all choices', async () => {
  const all = await chunks('Hello', { stream_options: { include_usage: true } });
  const last = all.pop();
  assert.ok(all.every((chunk) => chunk.usage === null));
  assert.deepEqual(last.choices, []);
  const { prompt_tokens, completion_tokens, total_tokens } = last.usage;
  assert.deepEqual(
    { prompt_tokens, completion_tokens, total_tokens },
    {
      prompt_tokens: 1,
      completion_tokens: 3,
      total_tokens: 4,
    },
  );
});

test('no chunk speaks of usage unless it is asked for', async () => {
  const all = await chunks('Hello');
  assert.ok(all.every((chunk) => !('usage' in chunk)));
  assert.ok(all.every((chunk) => chunk.choices.length === 1));
});

test('every chunk is padded unless the caller does not want it', async () => {
  const padded = await chunks('Hello', { stream_options: { include_usage: true } });
  assert.ok(padded.every((chunk) => chunk.obfuscation.length > 0));
  const plain = await chunks('Hello', { stream_options: { include_obfuscation: false } });
  assert.ok(plain.every((chunk) => !('obfuscation' in chunk)));
});

test('choices take turns, each with a role and an end of its own', async () => {
  const all = await chunks('Hello', { n: 2, stream_options: { include_usage: true } });
  const turns = all
    .flatMap((chunk) => chunk.choices)
    .map(({ index, delta, finish_reason }) => [index, finish_reason ?? delta.role ?? delta.content]);
  assert.deepEqual(turns, [
    [0, 'assistant'],
    [1, 'assistant'],
    [0, 'You'],
    [1, 'You'],
    [0, ' said:'],
    [1, ' said:'],
    [0, ' Hello'],
    [1, ' Hello'],
    [0, 'stop'],
    [1, ' (2)'],
    [1, 'stop'],
  ]);
  assert.equal(all.at(-1).usage.completion_tokens, count('You said: Hello', 'You said: Hello (2)'));
});

test('a stream ends in front of a stop sequence', async () => {
  const all = await chunks('one two three', { stop: ['wo'] });
  assert.equal(text(all), 'You said: one t');
  assert.equal(all.at(-1).choices[0].finish_reason, 'stop');
});

test('a stream that reaches its limit says so', async () => {
  const all = await chunks('wonderful', { max_completion_tokens: 3 });
  assert.equal(text(all), 'You said: wonde');
  assert.equal(all.at(-1).choices[0].finish_reason, 'length');
});

for (const [name, prompt] of [
  ['emoji and other scripts', 'Zoë 🦜🦜 👩‍👩‍👧 日本語 \u{10ffff}'],
  ['every kind of line end', 'a\nb\r\nc\rd\u2028e\u2029f\u0085g\u000bh\u000ci'],
  ['what looks like events', 'data: {"x":1}\n\ndata: [DONE]\n\nevent: error\n\n: ping'],
  ['quotes, escapes and control characters', '"\\" \\u0041 \u0000\u0001\u001b</script>'],
  ['blanks at both ends', '  \t\n x \n '],
  ['nothing', ''],
]) {
  test(`a stream brings ${name} whole`, async () => {
    assert.equal(text(await chunks(prompt)), `You said: ${prompt}`);
  });
}

test('a stream and a plain answer say the same', async () => {
  const request = { model: GPT, messages: said('Hello'), n: 2 };
  const plain = await client.chat.completions.create(request);
  const all = await chunks('Hello', { n: 2 });
  assert.deepEqual(
    plain.choices.map((choice) => choice.message.content),
    [text(all, 0), text(all, 1)],
  );
});

test('a client that leaves in the middle is no trouble', async () => {
  const stream = await client.chat.completions.create({
    model: GPT,
    messages: said('word '.repeat(5000)),
    stream: true,
  });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content) break;
  }
  assert.equal(text(await chunks('Hello')), 'You said: Hello');
});
