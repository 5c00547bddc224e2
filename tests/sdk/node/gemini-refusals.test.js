import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GEMINI, gemini } from './clients.js';
import { googleError, googleStreamError } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { models } = gemini(server, { apiVersion: 'v1beta' });

function request(config, contents = 'Hello') {
  return { model: GEMINI, contents, config };
}

const PLACE = 'GenerateContentRequest';
const TYPE = 'type.googleapis.com/google.ai.generativelanguage.v1beta';

/** What is wrong, and the message. */
const REFUSALS = [
  [
    request({ temperature: 2.5 }),
    `* ${PLACE}.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n`,
  ],
  [request({ topP: -0.1 }), `* ${PLACE}.generation_config.top_p: top_p must be in the range [0.0, 1.0].\n`],
  [
    request({ candidateCount: 9 }),
    `* ${PLACE}.generation_config.candidate_count: candidate_count must be in the range [1, 8].\n`,
  ],
  [
    request({ maxOutputTokens: -1 }),
    `* ${PLACE}.generation_config.max_output_tokens: max_output_tokens must be positive.\n`,
  ],
  [
    request({ stopSequences: ['a', 'b', 'c', 'd', 'e', 'f'] }),
    `* ${PLACE}.generation_config.stop_sequences: the number of stop_sequences must not exceed 5.\n`,
  ],
  [request({}, [{ role: 'robot', parts: [{ text: 'x' }] }]), 'Please use a valid role: user, model.'],
  [
    request({}, [{ role: 'user', parts: [] }]),
    `* ${PLACE}.contents[0].parts: contents.parts must not be empty.\n`,
  ],
  [
    request({}, [{ role: 'user', parts: [{ text: 'x' }, {}] }]),
    `* ${PLACE}.contents[0].parts[1].data: required oneof field 'data' must have one initialized field\n`,
  ],
  [
    request({ toolConfig: { functionCallingConfig: { mode: 'ANY' } } }),
    'Function calling config is set without function_declarations.',
  ],
];

/** What cannot be read at all: the field, and the message. */
const UNREADABLE = [
  [
    request({ maxOutputTokens: 'many' }),
    'generation_config.max_output_tokens',
    `Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), "many"`,
  ],
  [
    request({ toolConfig: { functionCallingConfig: { mode: 'SOMETIMES' } } }),
    'tool_config.function_calling_config.mode',
    `Invalid value at 'tool_config.function_calling_config.mode' (${TYPE}.FunctionCallingConfig.Mode), "SOMETIMES"`,
  ],
  [
    request({}, [{ inlineData: { mimeType: 'image/png', data: '???' } }]),
    'contents[0].parts[0].inline_data.data',
    `Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for "???"`,
  ],
];

for (const [wrong, message] of REFUSALS) {
  test(`an ApiError says: ${message.slice(0, 80).trim()}`, async () => {
    const error = await googleError(() => models.generateContent(wrong));
    assert.deepEqual(error, { code: 400, message, status: 'INVALID_ARGUMENT' });
  });
}

for (const [wrong, field, message] of UNREADABLE) {
  test(`an ApiError names the field ${field}`, async () => {
    const error = await googleError(() => models.generateContent(wrong));
    assert.deepEqual(error, {
      code: 400,
      message,
      status: 'INVALID_ARGUMENT',
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.BadRequest',
          fieldViolations: [{ field, description: message }],
        },
      ],
    });
  });
}

test('a prompt that is missing is refused', async () => {
  // The SDK itself does not send one.
  const empty = (url, init) => fetch(url, { ...init, body: '{}' });
  const client = gemini(server, { fetch: empty });
  const generated = await googleError(() => client.models.generateContent(request()));
  assert.equal(generated.message, `* ${PLACE}.contents: contents is not specified\n`);
  const counted = await googleError(() => client.models.countTokens({ model: GEMINI, contents: 'Hello' }));
  assert.equal(counted.message, '* CountTokensRequest.contents: contents is not specified\n');
});

test('a stream is refused before it begins', async () => {
  const [wrong, message] = REFUSALS[0];
  const error = await googleStreamError(() => models.generateContentStream(wrong));
  assert.deepEqual(error, { code: 400, message, status: 'INVALID_ARGUMENT', reason: 'Bad Request' });
});

test('a count is refused as a prompt is', async () => {
  const error = await googleError(() =>
    models.countTokens({ model: GEMINI, contents: [{ role: 'user', parts: [] }] }),
  );
  assert.equal(error.message, '* CountTokensRequest.contents[0].parts: contents.parts must not be empty.\n');
});

test('an unknown route is a 404', async () => {
  const lost = gemini(server, { apiVersion: 'v9' });
  const error = await googleError(() => lost.models.generateContent(request()));
  assert.deepEqual([error.code, error.status], [404, 'NOT_FOUND']);
  assert.match(error.message, /\/v9\/models\/gemini-2\.5-flash:generateContent/);
});

test('an unknown verb is a 404', async () => {
  const bent = (url, init) => fetch(String(url).replace(':generateContent', ':singContent'), init);
  const error = await googleError(() => gemini(server, { fetch: bent }).models.generateContent(request()));
  assert.deepEqual([error.code, error.status], [404, 'NOT_FOUND']);
});

for (const config of [{ pageToken: 'nonsense' }, { pageSize: -1 }, { pageSize: 'two' }]) {
  test(`bad paging is refused: ${JSON.stringify(config)}`, async () => {
    const error = await googleError(() => models.list({ config }));
    assert.deepEqual([error.code, error.status], [400, 'INVALID_ARGUMENT']);
    const [[name]] = Object.entries(config);
    const field = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    assert.equal(error.details[0].fieldViolations[0].field, field);
  });
}

test('a body that is not JSON is an invalid argument', async () => {
  const broken = (url, init) => fetch(url, { ...init, body: '{"contents": oops}' });
  const error = await googleError(() => gemini(server, { fetch: broken }).models.generateContent(request()));
  assert.equal(error.status, 'INVALID_ARGUMENT');
  assert.match(
    error.message,
    /^Invalid JSON payload received\. Unexpected token\.\n\{"contents": oops\}\n {13}\^$/,
  );
});

test('a body above the limit is a 413', async () => {
  await using small = await start('--max-body', '1KB');
  const large = request({}, 'x'.repeat(1000));
  const client = gemini(small);
  const error = await googleError(() => client.models.generateContent(large));
  assert.equal(error.code, 413);
  assert.match(error.message, /1000/);
  const streamed = await googleStreamError(() => client.models.generateContentStream(large));
  assert.deepEqual([streamed.code, streamed.reason], [413, 'Payload Too Large']);
  const fits = await client.models.generateContent(request({}, 'x'.repeat(800)));
  assert.equal(fits.candidates[0].finishReason, 'STOP');
});
