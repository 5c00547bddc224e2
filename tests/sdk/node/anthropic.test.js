import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';

import { CLAUDE, anthropic, collect, said } from './clients.js';
import { thrown } from './refused.js';
import { play } from './scenarios.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { messages, models } = anthropic(server);

function greeting(prompt = 'Hello', options = {}) {
  return { model: CLAUDE, max_tokens: 1000, messages: said(prompt), ...options };
}

function ask(prompt, options) {
  return messages.create(greeting(prompt, options));
}

function texts(message) {
  return message.content.flatMap((block) => (block.type === 'text' ? block.text : []));
}

function offered(name, property) {
  const input_schema = {
    type: 'object',
    properties: { [property]: { type: 'string' } },
    required: [property],
  };
  return { name, description: `The ${name}.`, input_schema };
}

const REQUIRED = {
  tools: [offered('weather', 'city'), offered('clock', 'zone')],
  tool_choice: { type: 'any' },
};
const THINKING = { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 };

test('a message says back the prompt', async () => {
  const message = await ask();
  assert.deepEqual(texts(message), ['You said: Hello']);
  assert.deepEqual([message.type, message.role, message.model], ['message', 'assistant', CLAUDE]);
  assert.deepEqual([message.stop_reason, message.stop_sequence], ['end_turn', null]);
  assert.match(message.id, /^msg_[0-9A-Za-z]{24}$/);
  assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [1, 3]);
  assert.match(message._request_id, /^req_[0-9A-Za-z]{24}$/);
});

test('a stream tells of each step', async () => {
  const events = (await collect(await ask('Hello', { stream: true }))).filter(({ type }) => type !== 'ping');
  assert.deepEqual(
    events.map((event) => event.type),
    [
      ...['message_start', 'content_block_start'],
      ...['content_block_delta', 'content_block_delta', 'content_block_delta'],
      ...['content_block_stop', 'message_delta', 'message_stop'],
    ],
  );
  assert.deepEqual(
    events.slice(2, 5).map((event) => event.delta.text),
    ['You', ' said:', ' Hello'],
  );
  assert.equal(events.at(-2).delta.stop_reason, 'end_turn');
});

test('the stream helper puts the whole together', async () => {
  const seen = [];
  const stream = messages.stream(greeting()).on('text', (delta, snapshot) => seen.push([delta, snapshot]));
  const message = await stream.finalMessage();
  assert.deepEqual([texts(message), message.stop_reason], [['You said: Hello'], 'end_turn']);
  assert.deepEqual(seen, [
    ['You', 'You'],
    [' said:', 'You said:'],
    [' Hello', 'You said: Hello'],
  ]);
});

test('any text comes back', async () => {
  for (const text of ['naïve 日本語 👩‍👧', 'a\r\nb\u2028c\u0085d', 'event: error\ndata: x\n\n', '"\\u0041']) {
    assert.deepEqual(texts(await ask(text)), [`You said: ${text}`]);
    assert.equal(await messages.stream(greeting(text)).finalText(), `You said: ${text}`);
  }
});

test('tools are called where they must be, and their results said back', async () => {
  const called = await ask('Hello', REQUIRED);
  assert.equal(called.stop_reason, 'tool_use');
  assert.deepEqual(
    called.content.map(({ type, name, input }) => [type, name, input]),
    [
      ['tool_use', 'weather', { city: 'city' }],
      ['tool_use', 'clock', { zone: 'zone' }],
    ],
  );
  const results = called.content.map(({ id, name }) => ({
    type: 'tool_result',
    tool_use_id: id,
    content: `${name}!`,
  }));
  const talk = [...said('Hello'), { role: 'assistant', content: called.content }, ...said(results)];
  const answered = await ask('', { tools: REQUIRED.tools, messages: talk });
  assert.deepEqual(texts(answered), ['weather returned: weather!\nclock returned: clock!']);
});

test('the input of a tool is streamed in pieces and read whole', async () => {
  const pieces = [];
  const stream = messages.stream(greeting('Hello', REQUIRED)).on('inputJson', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();
  assert.deepEqual(
    message.content.map(({ name, input }) => [name, input]),
    [
      ['weather', { city: 'city' }],
      ['clock', { zone: 'zone' }],
    ],
  );
  assert.ok(pieces.length > 3, `${pieces}`);
});

test('a thought stands in front and is signed', async () => {
  for (const message of [
    await ask('Hello', THINKING),
    await messages.stream(greeting('Hello', THINKING)).finalMessage(),
  ]) {
    const [thought, text] = message.content;
    assert.deepEqual([thought.type, text.text], ['thinking', 'You said: Hello']);
    assert.ok(thought.thinking.length > 0 && thought.signature.length > 0);
  }
});

test('tokens are counted', async () => {
  const counted = await messages.countTokens({ model: CLAUDE, messages: said('Hello wonderful world') });
  assert.equal(counted.input_tokens, 4);
});

test('models are listed page by page, and described', async () => {
  const listed = await collect(models.list({ limit: 2 }));
  assert.ok(
    listed.length > 2 && listed.every(({ id, type }) => type === 'model' && id.startsWith('claude-')),
  );
  assert.equal((await models.retrieve(CLAUDE)).id, CLAUDE);
});

test('what breaks a rule is refused, streamed and plain', async () => {
  for (const stream of [false, true]) {
    const error = await thrown(() => ask('Hello', { stream, max_tokens: -1 }));
    assert.ok(error instanceof Anthropic.BadRequestError, `${error}`);
    assert.equal(error.error.error.type, 'invalid_request_error');
    assert.equal(error.requestID, error.error.request_id);
  }
});

test('a wrong key is refused', async () => {
  await using locked = await start('--api-key', 'right');
  const error = await thrown(() => anthropic(locked, { apiKey: 'wrong' }).messages.create(greeting()));
  assert.ok(error instanceof Anthropic.AuthenticationError, `${error}`);
  const message = await anthropic(locked, { apiKey: 'right' }).messages.create(greeting());
  assert.deepEqual(texts(message), ['You said: Hello']);
});

test('a server that is overloaded is asked again', async () => {
  await using overloaded = await play(
    '{scenario: 1, stubs: {then: [{error: {status: 529, retry_after: {ms: 5ms}}, times: 2}, {text: Here I am.}]}}',
  );
  const message = await anthropic(overloaded, { maxRetries: 2 }).messages.create(greeting());
  assert.deepEqual(texts(message), ['Here I am.']);
});

test('a server that stays overloaded is told of', async () => {
  await using overloaded = await play('{scenario: 1, stubs: {then: {error: 529}}}');
  const error = await thrown(() => anthropic(overloaded).messages.create(greeting()));
  assert.ok(error instanceof Anthropic.APIError, `${error}`);
  assert.deepEqual([error.status, error.error.error.type], [529, 'overloaded_error']);
});

test('a server that is overloaded in mid-stream is noticed', async () => {
  await using overloaded = await play(`
    scenario: 1
    stubs:
      then: {text: [One, two], wire: {edit: [{drop: 5..}, {insert: {after: -1, reply: {error: 529}}}]}}
  `);
  const error = await thrown(() => anthropic(overloaded).messages.stream(greeting()).finalMessage());
  assert.ok(error instanceof Anthropic.APIError, `${error}`);
  assert.match(error.message, /overloaded_error/);
});

test('a stream that breaks off brings what came, and raises', async () => {
  await using broken = await play(
    '{scenario: 1, stubs: {then: {text: [One, two, three], wire: {end: {after: text.2, how: close}}}}}',
  );
  const got = [];
  const stream = anthropic(broken)
    .messages.stream(greeting())
    .on('text', (text) => got.push(text));
  const error = await thrown(() => stream.finalMessage());
  assert.ok(error instanceof Anthropic.AnthropicError, `${error}`);
  assert.deepEqual(got, ['One', 'two']);
});
