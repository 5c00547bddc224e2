import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { LengthFinishReasonError } from 'openai/core/error';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { GPT, openai, said } from './clients.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openai(server);

function stream(content, options = {}) {
  return client.chat.completions.stream({ model: GPT, messages: said(content), ...options });
}

const Person = z.object({ name: z.string(), age: z.number().int() });

const TOOL = {
  type: 'function',
  function: {
    name: 'add',
    parameters: {
      type: 'object',
      properties: { a: { type: 'integer' }, b: { type: 'integer' } },
      required: ['a', 'b'],
      additionalProperties: false,
    },
  },
};

test('finalMessage is the whole message', async () => {
  const message = await stream('Hello').finalMessage();
  assert.equal(message.role, 'assistant');
  assert.equal(message.content, 'You said: Hello');
  assert.equal(message.refusal, null);
});

test('finalChatCompletion is what a plain call gives', async () => {
  const request = { model: GPT, messages: said('Hello'), n: 2, stream_options: { include_usage: true } };
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  const { stream_options, ...plainRequest } = request;
  const plain = await client.chat.completions.create(plainRequest);
  assert.equal(streamed.object, 'chat.completion');
  assert.deepEqual(streamed.usage, plain.usage);
  const essence = ({ index, finish_reason, message }) => [
    index,
    finish_reason,
    message.role,
    message.content,
  ];
  assert.deepEqual(streamed.choices.map(essence), plain.choices.map(essence));
});

test('content events grow to the final content', async () => {
  const runner = stream('Hello you');
  const seen = [];
  runner.on('content', (delta, snapshot) => seen.push([delta, snapshot]));
  assert.equal(await runner.finalContent(), 'You said: Hello you');
  // The role's chunk comes first, and its content is empty.
  assert.deepEqual(
    seen.filter(([delta]) => delta !== ''),
    [
      ['You', 'You'],
      [' said:', 'You said:'],
      [' Hello', 'You said: Hello'],
      [' you', 'You said: Hello you'],
    ],
  );
});

test('every chunk is told, and one end', async () => {
  const runner = stream('Hello');
  const told = {};
  for (const name of ['chunk', 'content.done', 'finalChatCompletion', 'end', 'error']) {
    told[name] = 0;
    runner.on(name, () => (told[name] += 1));
  }
  await runner.done();
  assert.deepEqual(told, { chunk: 5, 'content.done': 1, finalChatCompletion: 1, end: 1, error: 0 });
});

test('streamed calls are put together, arguments and all', async () => {
  const runner = stream('Add!', { tools: [TOOL], tool_choice: 'required' });
  const done = [];
  runner.on('tool_calls.function.arguments.done', (event) => done.push(event));
  const completion = await runner.finalChatCompletion();
  const [choice] = completion.choices;
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  assert.equal(choice.message.tool_calls.length, 1);
  const [call] = choice.message.tool_calls;
  assert.match(call.id, /^call_[0-9A-Za-z]{24}$/);
  assert.deepEqual(JSON.parse(call.function.arguments), { a: 1, b: 1 });
  assert.deepEqual(
    done.map(({ name, index, arguments: text }) => [name, index, text]),
    [['add', 0, call.function.arguments]],
  );
});

test('a streamed structure is parsed', async () => {
  const runner = stream('Who?', { response_format: zodResponseFormat(Person, 'person') });
  const completion = await runner.finalChatCompletion();
  const { content, parsed } = completion.choices[0].message;
  assert.equal(parsed.name, 'name');
  assert.deepEqual(parsed, JSON.parse(content));
});

test('a streamed structure that is cut is a LengthFinishReasonError', async () => {
  const runner = stream('Who?', {
    response_format: zodResponseFormat(Person, 'person'),
    max_completion_tokens: 1,
  });
  await assert.rejects(runner.finalChatCompletion(), LengthFinishReasonError);
});

test('log probabilities of all chunks are put together', async () => {
  const completion = await stream('Hello', { logprobs: true, top_logprobs: 2 }).finalChatCompletion();
  const { content } = completion.choices[0].logprobs;
  assert.deepEqual(
    content.map((token) => token.token),
    ['You', ' said:', ' Hello'],
  );
  assert.ok(content.every((token) => token.top_logprobs.length === 2));
});
