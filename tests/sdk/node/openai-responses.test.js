import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { GPT, collect, openai } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { responses } = openai(server);

const WEATHER = {
  type: 'function',
  name: 'weather',
  description: 'The weather.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  strict: true,
};
const CLOCK = { ...WEATHER, name: 'clock', description: 'The clock.' };
const City = z.object({ name: z.string(), size: z.int() });

function ask(options = {}) {
  return responses.create({ model: GPT, input: 'Hello', ...options });
}

test('a response says back the prompt', async () => {
  const response = await ask();
  assert.equal(response.output_text, 'You said: Hello');
  assert.deepEqual([response.object, response.status, response.model], ['response', 'completed', GPT]);
  assert.match(response.id, /^resp_[0-9a-f]{48}$/);
  const { input_tokens, output_tokens, total_tokens } = response.usage;
  assert.deepEqual([input_tokens, output_tokens, total_tokens], [1, 3, 4]);
});

test('a stream tells of each step', async () => {
  const events = await collect(await ask({ stream: true }));
  assert.deepEqual(
    events.map((event) => event.type.replace('response.', '')),
    [
      ...['created', 'in_progress', 'output_item.added', 'content_part.added'],
      ...['output_text.delta', 'output_text.delta', 'output_text.delta'],
      ...['output_text.done', 'content_part.done', 'output_item.done', 'completed'],
    ],
  );
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, at) => at),
  );
  assert.deepEqual(events[0].response.output, []);
  assert.equal(events.at(-1).response.output[0].content[0].text, 'You said: Hello');
});

test('the stream helper puts the whole together', async () => {
  const stream = responses.stream({ model: GPT, input: 'Hello' });
  const deltas = [];
  stream.on('response.output_text.delta', ({ delta, snapshot }) => deltas.push([delta, snapshot]));
  const response = await stream.finalResponse();
  assert.equal(response.output_text, 'You said: Hello');
  assert.deepEqual(deltas, [
    ['You', 'You'],
    [' said:', 'You said:'],
    [' Hello', 'You said: Hello'],
  ]);
});

test('any text comes back', async () => {
  for (const input of ['naïve 日本語 👩‍👧', 'a\r\nb\u2028c\u0085d', 'data: [DONE]\n\nevent: x', '"\\u0041']) {
    assert.equal((await ask({ input })).output_text, `You said: ${input}`);
    const response = await responses.stream({ model: GPT, input }).finalResponse();
    assert.equal(response.output_text, `You said: ${input}`);
  }
});

test('a response goes on with the one before, is shown again, and deleted', async () => {
  const first = await ask({ input: 'First' });
  const second = await ask({ input: 'Second', previous_response_id: first.id });
  assert.equal(second.output_text, 'You said: Second');
  assert.equal(second.usage.input_tokens, 5);
  const shown = await responses.retrieve(second.id);
  assert.deepEqual([shown.id, shown.output], [second.id, second.output]);
  const items = await collect(responses.inputItems.list(second.id));
  assert.deepEqual(
    items.map((item) => item.content[0].text),
    ['Second'],
  );
  await responses.delete(second.id);
  const error = await thrown(() => responses.retrieve(second.id));
  assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
});

test('a stream that was stored is streamed again from where it broke', async () => {
  const events = await collect(await ask({ stream: true, background: true }));
  const { id } = events[0].response;
  assert.equal(events[1].type, 'response.queued');
  const again = await collect(await responses.retrieve(id, { stream: true, starting_after: 5 }));
  // The padding is another.
  const unpadded = (event) => ({ ...event, obfuscation: undefined });
  assert.deepEqual(again.map(unpadded), events.slice(6).map(unpadded));
});

test('a response in the background is waited for, or cancelled', async () => {
  const { id, status } = await ask({ background: true });
  const seen = [status];
  while (['queued', 'in_progress'].includes(seen.at(-1)) && seen.length < 5) {
    seen.push((await responses.retrieve(id)).status);
  }
  assert.deepEqual(seen, ['queued', 'in_progress', 'completed']);
  const other = await ask({ background: true });
  assert.equal((await responses.cancel(other.id)).status, 'cancelled');
});

test('functions are called where they must be, and their results said back', async () => {
  const called = await ask({ tools: [WEATHER, CLOCK], tool_choice: 'required' });
  assert.deepEqual(
    called.output.map((item) => [item.type, item.name, item.arguments]),
    [
      ['function_call', 'weather', '{"city":"city"}'],
      ['function_call', 'clock', '{"city":"city"}'],
    ],
  );
  const input = called.output.map(({ call_id, name }) => ({
    type: 'function_call_output',
    call_id,
    output: `${name}!`,
  }));
  const answered = await ask({ input, previous_response_id: called.id });
  assert.equal(answered.output_text, 'weather returned: weather!\nclock returned: clock!');
});

test('arguments are streamed in pieces', async () => {
  const stream = await ask({ tools: [WEATHER], tool_choice: 'required', stream: true });
  const events = await collect(stream);
  const deltas = events.filter((event) => event.type === 'response.function_call_arguments.delta');
  const [done] = events.filter((event) => event.type === 'response.function_call_arguments.done');
  assert.ok(deltas.length > 1);
  assert.equal(deltas.map((event) => event.delta).join(''), done.arguments);
});

test('a schema is filled', async () => {
  const asked = { model: GPT, input: 'Hello', text: { format: zodTextFormat(City, 'city') } };
  assert.deepEqual((await responses.parse(asked)).output_parsed, { name: 'name', size: 1 });
  const streamed = await responses.stream(asked).finalResponse();
  assert.deepEqual(streamed.output_parsed, { name: 'name', size: 1 });
});

test('a limit leaves a response incomplete', async () => {
  const response = await ask({ input: 'word '.repeat(30), max_output_tokens: 16 });
  assert.deepEqual(
    [response.status, response.incomplete_details],
    ['incomplete', { reason: 'max_output_tokens' }],
  );
});

test('what breaks a rule is refused, streamed and plain', async () => {
  for (const stream of [false, true]) {
    const error = await thrown(() => ask({ stream, temperature: 3 }));
    assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
    assert.equal(error.param, 'temperature');
  }
});
