import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { LengthFinishReasonError } from 'openai/core/error';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { GPT, collect, openai, said } from './clients.js';
import { FILES, ODDITIES, PERSON, TREE, assertValid } from './schemas.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openai(server);

function request(response_format, options = {}) {
  return { model: GPT, messages: said('Hello'), response_format, ...options };
}

function jsonSchema(schema) {
  return { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema } };
}

async function content(response_format, options) {
  const completion = await client.chat.completions.create(request(response_format, options));
  assert.equal(completion.choices[0].finish_reason, 'stop');
  return completion.choices[0].message.content;
}

test('an answer is valid under a nested schema', async () => {
  const value = JSON.parse(await content(jsonSchema(PERSON)));
  assertValid(PERSON, value);
  assert.deepEqual(value, {
    name: 'name',
    age: 18,
    role: 'admin',
    address: { street: 'street', zip: value.address.zip },
    tags: value.tags,
  });
});

for (const [name, schema] of Object.entries({ TREE, FILES })) {
  test(`an answer is valid under ${name}, a schema that contains itself`, async () => {
    assertValid(schema, JSON.parse(await content(jsonSchema(schema))));
  });
}

test('an answer is valid under the less usual keywords', async () => {
  assertValid(ODDITIES, JSON.parse(await content(jsonSchema(ODDITIES))));
});

test('a structure is streamed in pieces', async () => {
  const stream = await client.chat.completions.create({ ...request(jsonSchema(PERSON)), stream: true });
  const text = (await collect(stream)).map((chunk) => chunk.choices[0].delta.content ?? '').join('');
  assert.equal(text, await content(jsonSchema(PERSON)));
});

test('every choice is an instance', async () => {
  const completion = await client.chat.completions.create(request(jsonSchema(PERSON), { n: 2 }));
  assert.equal(completion.choices.length, 2);
  for (const choice of completion.choices) assertValid(PERSON, JSON.parse(choice.message.content));
});

test('json_object says the prompt back in an object', async () => {
  const text = await content({ type: 'json_object' }, { messages: said('"JSON"\n🦜, please') });
  assert.deepEqual(JSON.parse(text), { answer: 'You said: "JSON"\n🦜, please' });
});

test('a response format of text changes nothing', async () => {
  assert.equal(await content({ type: 'text' }), 'You said: Hello');
});

const Step = z.object({ explanation: z.string(), output: z.string().nullable() });
const Solution = z.object({
  steps: z.array(Step),
  mood: z.enum(['good', 'bad']),
  score: z.number().min(0).max(1),
  answer: z.union([z.string(), z.boolean()]),
});

test('parse gives what zod made of the answer', async () => {
  const completion = await client.chat.completions.parse(request(zodResponseFormat(Solution, 'solution')));
  const { parsed, content } = completion.choices[0].message;
  assert.deepEqual(parsed, JSON.parse(content));
  assert.equal(parsed.mood, 'good');
  assert.ok(parsed.steps.length > 0);
});

test('parse takes a schema that contains itself', async () => {
  const Node = z.object({
    label: z.string(),
    get children() {
      return z.array(Node);
    },
    get next() {
      return z.nullable(Node);
    },
  });
  const completion = await client.chat.completions.parse(request(zodResponseFormat(Node, 'node')));
  assert.equal(completion.choices[0].message.parsed.label, 'label');
});

test('parse reads the arguments of strict tools', async () => {
  const weather = { type: 'function', function: { name: 'person', strict: true, parameters: PERSON } };
  const completion = await client.chat.completions.parse({
    model: GPT,
    messages: said('Hello'),
    tools: [weather],
    tool_choice: 'required',
  });
  assertValid(PERSON, completion.choices[0].message.tool_calls[0].function.parsed_arguments);
});

test('parse of an answer that is cut is a LengthFinishReasonError', async () => {
  const cut = request(zodResponseFormat(Solution, 'solution'), { max_completion_tokens: 2 });
  await assert.rejects(client.chat.completions.parse(cut), LengthFinishReasonError);
});
