import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { Output, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';

import { collect } from './clients.js';
import { start } from './server.js';
import { MODELS } from './vercel-ai.js';

const server = await start();
after(server.stop);

const PNG = Buffer.from('iVBORw0KGgo=', 'base64');

function counted(usage) {
  return [usage.inputTokens, usage.outputTokens, usage.totalTokens];
}

function described(name, property, ran) {
  return tool({
    description: `The ${name}.`,
    inputSchema: jsonSchema({
      type: 'object',
      properties: { [property]: { type: 'string' } },
      required: [property],
      additionalProperties: false,
    }),
    execute: ran && (async (input) => ran(input)),
  });
}

const TOOLS = { weather: described('weather', 'city'), clock: described('clock', 'zone') };

for (const [name, model] of Object.entries(MODELS)) {
  const at = model(server);

  test(`${name}: a text is generated`, async () => {
    const { text, finishReason, usage, response } = await generateText({ model: at, prompt: 'Hello' });
    assert.deepEqual([text, finishReason, counted(usage)], ['You said: Hello', 'stop', [1, 3, 4]]);
    assert.equal(response.headers['x-mynah-answer'], 'built-in');
  });

  test(`${name}: a text is streamed`, async () => {
    const stream = streamText({ model: at, prompt: 'Hello' });
    assert.deepEqual(await collect(stream.textStream), ['You', ' said:', ' Hello']);
    assert.equal(await stream.finishReason, 'stop');
    assert.deepEqual(counted(await stream.usage), [1, 3, 4]);
  });

  test(`${name}: a stream's parts begin, follow each other and end`, async () => {
    const parts = await collect(streamText({ model: at, prompt: 'Hello' }).fullStream);
    // Anthropic's of today also says in words of its own that a message starts.
    const types = parts.map((part) => part.type).filter((type) => type !== 'custom');
    assert.deepEqual(types, [
      ...['start', 'start-step', 'text-start'],
      ...['text-delta', 'text-delta', 'text-delta'],
      ...['text-end', 'finish-step', 'finish'],
    ]);
  });

  test(`${name}: any text comes back`, async () => {
    for (const prompt of [
      'naïve 日本語 👩‍👧',
      'a\r\nb\u2028c\u0085d',
      'data: [DONE]\n\nevent: x',
      '"\\u0041',
    ]) {
      const { text } = await generateText({ model: at, prompt });
      assert.equal(text, `You said: ${prompt}`);
      const pieces = await collect(streamText({ model: at, prompt }).textStream);
      assert.equal(pieces.join(''), `You said: ${prompt}`);
    }
  });

  test(`${name}: a talk goes on`, async () => {
    const messages = [
      { role: 'user', content: 'First' },
      { role: 'assistant', content: 'You said: First' },
      { role: 'user', content: 'Second' },
    ];
    const { text } = await generateText({ model: at, system: 'Be brief.', messages });
    assert.equal(text, 'You said: Second');
  });

  test(`${name}: a picture is looked at`, async () => {
    const content = [
      { type: 'text', text: 'What is this?' },
      { type: 'file', data: PNG, mediaType: 'image/png' },
    ];
    const { text } = await generateText({ model: at, messages: [{ role: 'user', content }] });
    assert.equal(text, 'You said: What is this? [image/png]');
  });

  for (const streamed of [false, true]) {
    const how = streamed ? 'streamed' : 'plain';
    const ask = (options) =>
      (streamed ? streamText : generateText)({ model: at, prompt: 'Hello', ...options });

    test(`${name}: tools are called where they must be, ${how}`, async () => {
      const answer = await ask({ tools: TOOLS, toolChoice: 'required' });
      const calls = await answer.toolCalls;
      assert.deepEqual(
        calls.map((call) => [call.toolName, call.input]),
        [
          ['weather', { city: 'city' }],
          ['clock', { zone: 'zone' }],
        ],
      );
      assert.equal(new Set(calls.map((call) => call.toolCallId)).size, 2);
    });

    test(`${name}: the tool that is named is called, ${how}`, async () => {
      const answer = await ask({ tools: TOOLS, toolChoice: { type: 'tool', toolName: 'clock' } });
      assert.deepEqual(
        (await answer.toolCalls).map((call) => call.toolName),
        ['clock'],
      );
      assert.equal(await answer.finishReason, 'tool-calls');
    });

    test(`${name}: a schema is filled, ${how}`, async () => {
      const schema = jsonSchema({
        type: 'object',
        properties: { city: { type: 'string' }, days: { type: 'integer' } },
        required: ['city', 'days'],
        additionalProperties: false,
      });
      const answer = await ask({ output: Output.object({ schema }) });
      assert.deepEqual(await answer.output, { city: 'city', days: 1 });
    });

    test(`${name}: a limit of tokens ends a text, ${how}`, async () => {
      const answer = await ask({ prompt: 'word '.repeat(30).trim(), maxOutputTokens: 16 });
      assert.equal(await answer.text, `You said:${' word'.repeat(14)}`);
      assert.equal(await answer.finishReason, 'length');
    });

    test(`${name}: steps go on with the results of tools, ${how}`, async () => {
      const seen = [];
      const weather = described('weather', 'city', ({ city }) => {
        seen.push(city);
        return `sunny in ${city}`;
      });
      const answer = await ask({
        tools: { weather },
        stopWhen: stepCountIs(3),
        // The built-in answer calls whenever it must: only the first step has to.
        prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'auto' }),
      });
      assert.match(await answer.text, /^weather returned: .*sunny in city/);
      assert.deepEqual(seen, ['city']);
      assert.equal((await answer.steps).length, 2);
    });
  }
}
