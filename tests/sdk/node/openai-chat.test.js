import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GPT, openai, said } from './clients.js';
import { start } from './server.js';
import { ATTACHMENT, count } from './tokens.js';

const server = await start();
after(server.stop);
const client = openai(server);

function ask(messages, options = {}) {
  return client.chat.completions.create({ model: GPT, messages, ...options });
}

function text(completion) {
  return completion.choices[0].message.content;
}

test('a completion says the prompt back', async () => {
  const completion = await ask(said('Hello'));
  assert.deepEqual(completion.choices, [
    {
      index: 0,
      message: { role: 'assistant', content: 'You said: Hello', refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ]);
});

test('a completion has all that OpenAI puts around the choices', async () => {
  const completion = await ask(said('Who are you?'), { model: 'my/own:model' });
  assert.match(completion.id, /^chatcmpl-[0-9A-Za-z]{29}$/);
  assert.equal(completion.object, 'chat.completion');
  assert.equal(completion.model, 'my/own:model');
  assert.equal(completion.service_tier, 'default');
  assert.match(completion.system_fingerprint, /^fp_[0-9a-f]{10}$/);
  assert.ok(Math.abs(completion.created - Date.now() / 1000) < 60, `${completion.created}`);
});

test('the last thing the user said is said back', async () => {
  const completion = await ask([
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: 'One' },
    { role: 'assistant', content: 'Two' },
    { role: 'user', content: 'Three' },
  ]);
  assert.equal(text(completion), 'You said: Three');
  assert.equal(completion.usage.prompt_tokens, count('Be brief.', 'One', 'Two', 'Three'));
});

test('texts in parts are said back a line each', async () => {
  const parts = ['One', 'Two'].map((text) => ({ type: 'text', text }));
  assert.equal(text(await ask(said(parts))), 'You said: One\nTwo');
});

test('n choices are numbered from the second on', async () => {
  const completion = await ask(said('Hello'), { n: 3 });
  assert.deepEqual(
    completion.choices.map((choice) => [choice.index, choice.message.content, choice.finish_reason]),
    [
      [0, 'You said: Hello', 'stop'],
      [1, 'You said: Hello (2)', 'stop'],
      [2, 'You said: Hello (3)', 'stop'],
    ],
  );
  assert.equal(completion.usage.prompt_tokens, 1);
  assert.equal(
    completion.usage.completion_tokens,
    count('You said: Hello', 'You said: Hello (2)', 'You said: Hello (3)'),
  );
});

test('a completion ends in front of a stop sequence', async () => {
  const completion = await ask(said('one two three'), { stop: ' two' });
  assert.equal(text(completion), 'You said: one');
  assert.equal(completion.choices[0].finish_reason, 'stop');
  assert.equal(completion.usage.completion_tokens, count('You said: one'));
});

test('of several stop sequences the one that is met first ends a completion', async () => {
  assert.equal(
    text(await ask(said('one two three'), { stop: ['three', ' two', 'absent'] })),
    'You said: one',
  );
});

for (const limit of ['max_completion_tokens', 'max_tokens']) {
  test(`${limit} cuts a completion behind a whole token`, async () => {
    const completion = await ask(said('wonderful'), { [limit]: 3 });
    assert.equal(text(completion), 'You said: wonde');
    assert.equal(completion.choices[0].finish_reason, 'length');
    assert.equal(completion.usage.completion_tokens, 3);
  });
}

test('a completion that just fits its limit is not cut', async () => {
  const completion = await ask(said('Hello'), { max_completion_tokens: 3 });
  assert.equal(text(completion), 'You said: Hello');
  assert.equal(completion.choices[0].finish_reason, 'stop');
});

test('usage counts pieces of six characters', async () => {
  const prompt = 'An extraordinarily  long\n\nwörd 🦜🦜🦜🦜🦜🦜🦜 ';
  const { usage } = await ask(said(prompt));
  assert.deepEqual(usage, {
    prompt_tokens: count(prompt),
    completion_tokens: count(`You said: ${prompt}`),
    total_tokens: count(prompt, `You said: ${prompt}`),
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  });
});

test('reasoning is counted and not shown', async () => {
  const completion = await ask(said('Hello'), { model: 'gpt-5', reasoning_effort: 'high' });
  const { usage } = completion;
  assert.equal(text(completion), 'You said: Hello');
  assert.ok(usage.completion_tokens_details.reasoning_tokens > 0);
  assert.equal(
    usage.completion_tokens,
    usage.completion_tokens_details.reasoning_tokens + count('You said: Hello'),
  );
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});

test('no text is changed on its way', async () => {
  const prompt = '"Zoë" \\ 🦜👩‍👩‍👧 \u2028\u2029\u0085\r\n\t\u0001\u00a0 日本語 </script>\u{10ffff}';
  assert.equal(text(await ask(said(prompt))), `You said: ${prompt}`);
});

test('what is attached is named and counted', async () => {
  const completion = await ask(
    said([
      { type: 'text', text: 'What?' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
      { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
      { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERg==' } },
    ]),
  );
  assert.equal(text(completion), 'You said: What? [image/png] [image/*] [audio/wav] [application/pdf]');
  assert.equal(completion.usage.prompt_tokens, count('What?') + 4 * ATTACHMENT);
  assert.equal(completion.usage.prompt_tokens_details.audio_tokens, ATTACHMENT);
});

test('many calls at once each get their own answer', async () => {
  const prompts = Array.from({ length: 40 }, (_, at) => `Number ${at}`);
  const completions = await Promise.all(prompts.map((prompt) => ask(said(prompt))));
  assert.deepEqual(
    completions.map(text),
    prompts.map((prompt) => `You said: ${prompt}`),
  );
  assert.equal(new Set(completions.map((completion) => completion.id)).size, prompts.length);
});
