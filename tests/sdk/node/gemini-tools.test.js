import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { FunctionCallingConfigMode, Type } from '@google/genai';

import { GEMINI, collect, gemini } from './clients.js';
import { FILES, PERSON, assertValid } from './schemas.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

/** In Gemini's own spelling. */
const WEATHER = {
  type: Type.OBJECT,
  properties: {
    city: { type: Type.STRING },
    days: { type: Type.INTEGER, minimum: 2 },
    unit: { type: Type.STRING, enum: ['C', 'F'] },
    hours: { type: Type.ARRAY, items: { type: Type.INTEGER }, minItems: '2', maxItems: '3' },
    note: { type: Type.STRING, nullable: true },
  },
  required: ['city', 'days', 'unit', 'hours'],
  propertyOrdering: ['unit', 'city', 'days', 'hours', 'note'],
};

const DECLARATIONS = [
  { name: 'weather', description: 'The weather.', parameters: WEATHER },
  { name: 'person', parametersJsonSchema: PERSON },
  { name: 'ping' },
];

function config(functionCallingConfig, declarations = DECLARATIONS) {
  return { tools: [{ functionDeclarations: declarations }], toolConfig: { functionCallingConfig } };
}

function request(functionCallingConfig, contents = 'Hello') {
  return { model: GEMINI, contents, config: config(functionCallingConfig) };
}

const ANY = { mode: FunctionCallingConfigMode.ANY };

function names(response) {
  return response.functionCalls.map((call) => call.name);
}

test('tools that may be called are not', async () => {
  for (const mode of ['AUTO', 'NONE', 'VALIDATED', undefined]) {
    const response = await models.generateContent(request(mode && { mode }));
    assert.equal(response.text, 'You said: Hello');
    assert.equal(response.functionCalls, undefined);
  }
});

test('ANY calls every tool once, in the order of the offer', async () => {
  const response = await models.generateContent(request(ANY));
  assert.deepEqual(names(response), ['weather', 'person', 'ping']);
  assert.equal(response.candidates[0].finishReason, 'STOP');
  assert.ok(response.candidates[0].content.parts.every((part) => part.functionCall));
});

test('ANY calls the tools that are allowed', async () => {
  const response = await models.generateContent(
    request({ ...ANY, allowedFunctionNames: ['ping', 'weather'] }),
  );
  assert.deepEqual(names(response), ['weather', 'ping']);
});

test('tools may be offered in several lists', async () => {
  const response = await models.generateContent({
    model: GEMINI,
    contents: 'Hello',
    config: {
      tools: DECLARATIONS.map((declaration) => ({ functionDeclarations: [declaration] })),
      toolConfig: { functionCallingConfig: ANY },
    },
  });
  assert.deepEqual(names(response), ['weather', 'person', 'ping']);
});

test('arguments are valid under the schema of their tool', async () => {
  const files = { name: 'files', parametersJsonSchema: { type: 'object', ...FILES } };
  const response = await models.generateContent({
    model: GEMINI,
    contents: 'Hello',
    config: config(ANY, [...DECLARATIONS, files]),
  });
  const [weather, person, ping, folder] = response.functionCalls.map((call) => call.args);
  assertValid(WEATHER, weather);
  assert.deepEqual(Object.keys(weather), WEATHER.propertyOrdering);
  assertValid(PERSON, person);
  assert.deepEqual(ping, {});
  assertValid(FILES, folder);
});

test('tools are counted in the prompt, and calls in the answer', async () => {
  const declaration = { name: 'ping', description: 'Says pong.' };
  const { usageMetadata } = await models.generateContent({
    model: GEMINI,
    contents: 'Hello',
    config: config(ANY, [declaration]),
  });
  assert.equal(usageMetadata.promptTokenCount, 1 + count(JSON.stringify(declaration)));
  assert.equal(usageMetadata.candidatesTokenCount, count('ping', '{}'));
});

test('streamed calls come whole, a chunk each', async () => {
  const plain = await models.generateContent(request(ANY));
  const chunks = await collect(await models.generateContentStream(request(ANY)));
  assert.deepEqual(
    chunks.map((chunk) => chunk.functionCalls.length),
    [1, 1, 1],
  );
  assert.deepEqual(
    chunks.flatMap((chunk) => chunk.functionCalls),
    plain.functionCalls,
  );
  assert.deepEqual(
    chunks.map((chunk) => chunk.candidates[0].finishReason),
    [undefined, undefined, 'STOP'],
  );
  assert.deepEqual(chunks.at(-1).usageMetadata, plain.usageMetadata);
});

test('the results of calls are said back a line each', async () => {
  const called = await models.generateContent(request(ANY));
  const contents = [
    { role: 'user', parts: [{ text: 'Hello' }] },
    called.candidates[0].content,
    {
      role: 'user',
      parts: called.functionCalls.map(({ name }) => ({
        functionResponse: { name, response: { from: name } },
      })),
    },
  ];
  const answered = await models.generateContent(request({ mode: 'AUTO' }, contents));
  assert.equal(
    answered.text,
    'weather returned: {"from":"weather"}\nperson returned: {"from":"person"}\nping returned: {"from":"ping"}',
  );
});

test('the SDK calls a callable tool itself', async () => {
  const calls = [];
  const callable = {
    tool: async () => ({ functionDeclarations: [DECLARATIONS[0]] }),
    callTool: async (wanted) => {
      calls.push(...wanted);
      return wanted.map(({ name }) => ({ functionResponse: { name, response: { sky: 'blue' } } }));
    },
  };
  const response = await models.generateContent({
    model: GEMINI,
    contents: 'Hello',
    config: {
      tools: [callable],
      toolConfig: { functionCallingConfig: ANY },
      // A mode of ANY demands a call in every turn.
      automaticFunctionCalling: { maximumRemoteCalls: 1 },
    },
  });
  assert.deepEqual(
    calls.map((call) => call.name),
    ['weather'],
  );
  assertValid(WEATHER, calls[0].args);
  assert.deepEqual(response.automaticFunctionCallingHistory.at(-1).parts, [
    { functionResponse: { name: 'weather', response: { sky: 'blue' } } },
  ]);
});
