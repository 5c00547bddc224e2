// Schemas as zod writes them, which is how most callers in Node come by theirs.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { GEMINI, GPT, gemini, openai, said } from './clients.js';
import { start } from './server.js';

const server = await start();
after(server.stop);

async function fromOpenai(schema) {
  const response_format = zodResponseFormat(schema, 'answer');
  const request = { model: GPT, messages: said('Hello'), response_format };
  const completion = await openai(server).chat.completions.create(request);
  return completion.choices[0].message.content;
}

async function fromGemini(schema) {
  const config = { responseMimeType: 'application/json', responseJsonSchema: z.toJSONSchema(schema) };
  const response = await gemini(server).models.generateContent({ model: GEMINI, contents: 'Hello', config });
  return response.text;
}

async function assertAccepted(answer, type) {
  const schema = z.object({ value: type });
  const text = await answer(schema);
  const { success, error } = schema.safeParse(JSON.parse(text));
  assert.ok(success, `${text}: ${error}`);
}

const Tree = z.object({
  label: z.string(),
  get left() {
    return Tree.nullable();
  },
  get children() {
    return z.array(Tree);
  },
});

const BOTH = {
  'a short text': z.string().min(2).max(4),
  'a text of seven characters': z.string().length(7),
  'a text with a pattern and a length': z
    .string()
    .regex(/^[a-z]+$/)
    .min(5)
    .max(6),
  'a text with a beginning': z.string().startsWith('abc'),
  'an e-mail address': z.email(),
  'a URL': z.url(),
  'a UUID': z.uuid(),
  'a time': z.iso.datetime(),
  'a day': z.iso.date(),
  'an IPv4 address': z.ipv4(),
  'an IPv6 address': z.ipv6(),
  'a host': z.hostname(),
  'a text by a template': z.templateLiteral(['id-', z.number()]),
  'a whole number': z.int(),
  'a negative whole number': z.int().negative(),
  'a multiple': z.int().multipleOf(7).min(10),
  'a small fraction': z.number().min(0.2).max(0.3),
  'a number above 0': z.number().positive(),
  'a number between neighbours': z.number().gt(5).lt(6),
  'a list with bounds': z.array(z.int()).min(2).max(3),
  'one of several literals': z.literal(['x', 3, true]),
  'a number by name': z.enum({ One: 1, Two: 2 }),
  'one of two types': z.union([z.string().min(3), z.boolean()]),
  'one of two objects': z.discriminatedUnion('type', [
    z.object({ type: z.literal('a'), x: z.string() }),
    z.object({ type: z.literal('b'), y: z.boolean() }),
  ]),
  'two objects in one': z.intersection(z.object({ a: z.string() }), z.object({ b: z.number() })),
  nothing: z.null(),
  anything: z.unknown(),
  'a tree': Tree,
};

/** What OpenAI's strict schemas cannot say. */
const GEMINI_ONLY = {
  'a pair': z.tuple([z.string(), z.number()]),
  'a pair and more': z.tuple([z.string(), z.boolean()], z.number()),
  'a map': z.record(z.string(), z.number()),
  'a map with known keys': z.record(z.enum(['a', 'b']), z.number()),
  'an object with more': z.object({ a: z.string() }).catchall(z.number()),
  'an object with an option': z.object({ a: z.string().optional() }),
  'a text with a beginning and an end': z.string().startsWith('a').endsWith('z'),
  'a list that stays empty': z.array(z.never()),
  'exactly one of two': z.xor([z.string(), z.boolean()]),
};

for (const [name, type] of Object.entries(BOTH)) {
  test(`zod accepts the answer to ${name}`, async () => {
    await assertAccepted(fromOpenai, type);
    await assertAccepted(fromGemini, type);
  });
}

for (const [name, type] of Object.entries(GEMINI_ONLY)) {
  test(`zod accepts Gemini's answer to ${name}`, () => assertAccepted(fromGemini, type));
}

test('whole numbers without bounds of their own are small, and written without a fraction', async () => {
  // zod writes the bounds of safe integers into every schema.
  for (const answer of [fromOpenai, fromGemini]) {
    const text = await answer(z.object({ value: z.int() }));
    assert.match(text, /^\{"value":-?\d{1,3}\}$/);
  }
});
