import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { GPT, openai, said } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openai(server);

const USER = { role: 'user', content: 'Hello' };
const CALL = { id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
const WHOLE = { model: GPT, messages: [USER] };

/** What is changed in a good request, and the refusal: message, param, code. */
const REFUSALS = [
  [{ model: undefined }, 'you must provide a model parameter', null, null],
  [
    { messages: undefined },
    "Missing required parameter: 'messages'.",
    'messages',
    'missing_required_parameter',
  ],
  [
    { messages: [] },
    "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    'messages',
    'empty_array',
  ],
  [
    { messages: 'Hello' },
    "Invalid type for 'messages': expected an array of objects, but got a string instead.",
    'messages',
    'invalid_type',
  ],
  [
    { messages: [{ role: 'user', content: 5 }] },
    "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
    'messages[0].content',
    'invalid_type',
  ],
  [
    { messages: [{ role: 'robot', content: 'x' }] },
    "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
    'messages[0].role',
    'invalid_value',
  ],
  [
    { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] },
    "Missing required parameter: 'messages[0].content[0].image_url.url'.",
    'messages[0].content[0].image_url.url',
    'missing_required_parameter',
  ],
  [
    { temperature: 2.5 },
    "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
    'temperature',
    'decimal_above_max_value',
  ],
  [
    { temperature: 'hot' },
    "Invalid type for 'temperature': expected a decimal, but got a string instead.",
    'temperature',
    'invalid_type',
  ],
  [
    { n: 0 },
    "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
    'n',
    'integer_below_min_value',
  ],
  [
    { stop: ['a', 'b', 'c', 'd', 'e'] },
    "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 instead.",
    'stop',
    'array_above_max_length',
  ],
  [
    { response_format: { type: 'xml' } },
    "Invalid value: 'xml'. Supported values are: 'text', 'json_object', and 'json_schema'.",
    'response_format.type',
    'invalid_value',
  ],
  [
    { stream_options: { include_usage: true } },
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    'stream_options',
    null,
  ],
  [
    { tool_choice: 'required' },
    "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
    'tool_choice',
    null,
  ],
  [
    { messages: [USER, { role: 'assistant', content: null, tool_calls: [CALL] }, USER] },
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
      'The following tool_call_ids did not have response messages: call_1',
    'messages.[2].role',
    null,
  ],
];

for (const [changed, message, param, code] of REFUSALS) {
  test(`a BadRequestError says: ${message.slice(0, 70)}`, async () => {
    const error = await thrown(() => client.chat.completions.create({ ...WHOLE, ...changed }));
    assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
    assert.equal(error.status, 400);
    assert.deepEqual(error.error, { message, type: 'invalid_request_error', param, code });
    assert.equal(error.message, `400 ${message}`);
    assert.deepEqual([error.type, error.param, error.code], ['invalid_request_error', param, code]);
    assert.match(error.requestID, /^req_[0-9a-f]{32}$/);
    assert.equal(error.requestID, error.headers.get('x-request-id'));
  });
}

test('a stream is refused before it begins', async () => {
  const request = { ...WHOLE, temperature: -1, stream: true };
  const error = await thrown(() => client.chat.completions.create(request));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.deepEqual([error.param, error.code], ['temperature', 'decimal_below_min_value']);
  assert.match(error.requestID, /^req_/);
});

test('the stream helper hands the refusal on', async () => {
  const { messages } = WHOLE;
  const error = await thrown(() => client.chat.completions.stream({ messages }).finalMessage());
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.equal(error.error.message, 'you must provide a model parameter');
});

test('an unknown route is a NotFoundError', async () => {
  const error = await thrown(() => client.post('/no/such/thing', { body: {} }));
  assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
  assert.equal(error.status, 404);
  assert.deepEqual(error.error, {
    message: 'Invalid URL (POST /v1/no/such/thing)',
    type: 'invalid_request_error',
    param: null,
    code: null,
  });
  assert.match(error.requestID, /^req_/);
});

test('a wrong method is an APIError of its own status', async () => {
  const error = await thrown(() => client.get('/chat/completions'));
  assert.equal(error.constructor, OpenAI.APIError);
  assert.equal(error.status, 405);
  assert.match(error.message, /^405 Not allowed to GET on \/v1\/chat\/completions\./);
  assert.deepEqual(
    [error.type, error.param, error.code],
    ['invalid_request_error', null, 'method_not_supported'],
  );
});

test('a body above the limit is an APIError 413', async () => {
  await using small = await start('--max-body', '1KB');
  for (const stream of [false, true]) {
    const request = { model: GPT, messages: said('x'.repeat(1000)), stream };
    const error = await thrown(() => openai(small).chat.completions.create(request));
    assert.equal(error.constructor, OpenAI.APIError);
    assert.equal(error.status, 413);
    assert.deepEqual([error.type, error.param, error.code], ['invalid_request_error', null, null]);
    assert.match(error.message, /1000/);
    assert.match(error.requestID, /^req_/);
  }
  const fits = await openai(small).chat.completions.create({ model: GPT, messages: said('x'.repeat(800)) });
  assert.equal(fits.choices[0].finish_reason, 'stop');
});

test('a body that is not JSON is a BadRequestError', async () => {
  const broken = (url, init) => fetch(url, { ...init, body: '{"model": ' });
  const error = await thrown(() => openai(server, { fetch: broken }).chat.completions.create(WHOLE));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.match(error.message, /^400 We could not parse the JSON body of your request\./);
  assert.deepEqual([error.type, error.param, error.code], ['invalid_request_error', null, null]);
});
