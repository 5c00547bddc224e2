import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Type } from '@google/genai';
import { z } from 'zod';

import { GEMINI, collect, gemini } from './clients.js';
import { FILES, ODDITIES, PERSON, TREE, assertValid } from './schemas.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

function ask(config, contents = 'Hello') {
  return models.generateContent({ model: GEMINI, contents, config });
}

async function value(config) {
  const response = await ask({ responseMimeType: 'application/json', ...config });
  assert.equal(response.candidates[0].finishReason, 'STOP');
  return JSON.parse(response.text);
}

const RECIPE = {
  type: Type.OBJECT,
  properties: {
    title: { type: Type.STRING, maxLength: '20' },
    minutes: { type: Type.INTEGER, minimum: 5, maximum: 90 },
    vegan: { type: Type.BOOLEAN },
    steps: {
      type: Type.ARRAY,
      minItems: '2',
      items: {
        type: Type.OBJECT,
        properties: { text: { type: Type.STRING }, tool: { type: Type.STRING, nullable: true } },
        required: ['text', 'tool'],
      },
    },
    level: { type: Type.STRING, format: 'enum', enum: ['easy', 'hard'] },
    rating: { anyOf: [{ type: Type.NUMBER, minimum: 0, maximum: 5 }, { type: Type.NULL }] },
    on: { type: Type.STRING, format: 'date-time' },
  },
  required: ['title', 'minutes', 'vegan', 'steps', 'level', 'rating', 'on'],
  propertyOrdering: ['level', 'title', 'minutes', 'vegan', 'steps', 'rating', 'on'],
};

test('an answer is valid under a responseSchema', async () => {
  const recipe = await value({ responseSchema: RECIPE });
  assertValid(RECIPE, recipe);
  assert.deepEqual(Object.keys(recipe), RECIPE.propertyOrdering);
  assert.equal(recipe.minutes, 5);
  assert.equal(recipe.level, 'easy');
  assert.equal(recipe.steps.length, 2);
});

test('types in any case are types', async () => {
  const responseSchema = { type: 'object', properties: { n: { type: 'Integer' } }, required: ['n'] };
  assert.deepEqual(await value({ responseSchema }), { n: 1 });
});

for (const [name, schema] of Object.entries({ PERSON, TREE, FILES, ODDITIES })) {
  test(`an answer is valid under ${name} as a responseJsonSchema`, async () => {
    assertValid(schema, await value({ responseJsonSchema: schema }));
  });
}

test('a schema that zod wrote is taken', async () => {
  const Solution = z.object({
    steps: z.array(z.object({ why: z.string(), result: z.number().nullable() })).min(1),
    kind: z.discriminatedUnion('type', [
      z.object({ type: z.literal('a'), x: z.string().email() }),
      z.object({ type: z.literal('b'), y: z.boolean() }),
    ]),
  });
  const answer = await value({ responseJsonSchema: z.toJSONSchema(Solution) });
  assert.deepEqual(Solution.parse(answer), answer);
});

test('every candidate is an instance', async () => {
  const response = await ask({
    responseMimeType: 'application/json',
    responseSchema: RECIPE,
    candidateCount: 2,
  });
  assert.equal(response.candidates.length, 2);
  for (const { content } of response.candidates) assertValid(RECIPE, JSON.parse(content.parts[0].text));
});

test('a structure is streamed in pieces', async () => {
  const config = { responseMimeType: 'application/json', responseSchema: RECIPE };
  const chunks = await collect(
    await models.generateContentStream({ model: GEMINI, contents: 'Hello', config }),
  );
  assert.equal(chunks.map((chunk) => chunk.text).join(''), (await ask(config)).text);
});

test('text/x.enum says one of the values, bare', async () => {
  const responseSchema = { type: Type.STRING, enum: ['percussion', 'strings'] };
  const response = await ask({ responseMimeType: 'text/x.enum', responseSchema });
  assert.equal(response.text, 'percussion');
});

test('JSON without a schema says the prompt back in an object', async () => {
  const response = await ask({ responseMimeType: 'application/json' }, '"JSON"\n🦜');
  assert.deepEqual(JSON.parse(response.text), { answer: 'You said: "JSON"\n🦜' });
});

test('a MIME type of plain text changes nothing', async () => {
  assert.equal((await ask({ responseMimeType: 'text/plain' })).text, 'You said: Hello');
});

test('a structure that is cut says so', async () => {
  const response = await ask({
    responseMimeType: 'application/json',
    responseSchema: RECIPE,
    maxOutputTokens: 2,
  });
  assert.equal(response.candidates[0].finishReason, 'MAX_TOKENS');
  assert.equal(response.usageMetadata.candidatesTokenCount, 2);
  assert.throws(() => JSON.parse(response.text), SyntaxError);
});
