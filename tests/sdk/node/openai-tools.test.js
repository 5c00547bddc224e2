import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GPT, collect, openai, said } from './clients.js';
import { FILES, PERSON, assertValid } from './schemas.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const client = openai(server);

const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 }, unit: { enum: ['C', 'F'] } },
  required: ['city', 'days', 'unit'],
  additionalProperties: false,
};

function tool(name, parameters) {
  return { type: 'function', function: { name, description: `The ${name}.`, parameters } };
}

const TOOLS = [tool('weather', WEATHER), tool('person', PERSON), tool('ping', undefined)];
const WEATHER_ARGUMENTS = '{"city":"city","days":2,"unit":"C"}';

function ask(options = {}) {
  return client.chat.completions.create({ model: GPT, messages: said('Hello'), tools: TOOLS, ...options });
}

function names(completion) {
  return completion.choices[0].message.tool_calls.map((call) => call.function.name);
}

test('tools that may be called are not', async () => {
  for (const tool_choice of [undefined, 'auto', 'none']) {
    const completion = await ask({ tool_choice });
    assert.equal(completion.choices[0].message.content, 'You said: Hello');
    assert.ok(!('tool_calls' in completion.choices[0].message));
  }
});

test('required calls every tool once, in the order of the offer', async () => {
  const completion = await ask({ tool_choice: 'required' });
  assert.deepEqual(names(completion), ['weather', 'person', 'ping']);
  const [choice] = completion.choices;
  assert.equal(choice.finish_reason, 'tool_calls');
  assert.equal(choice.message.content, null);
  assert.ok(choice.message.tool_calls.every((call) => call.type === 'function'));
  const ids = choice.message.tool_calls.map((call) => call.id);
  ids.forEach((id) => assert.match(id, /^call_[0-9A-Za-z]{24}$/));
  assert.equal(new Set(ids).size, 3);
});

test('required without parallel calls makes one call', async () => {
  assert.deepEqual(names(await ask({ tool_choice: 'required', parallel_tool_calls: false })), ['weather']);
});

test('a tool that is named is the one that is called', async () => {
  const tool_choice = { type: 'function', function: { name: 'person' } };
  assert.deepEqual(names(await ask({ tool_choice })), ['person']);
});

test('of allowed tools each is called', async () => {
  const tools = ['weather', 'ping'].map((name) => ({ type: 'function', function: { name } }));
  const tool_choice = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools } };
  assert.deepEqual(names(await ask({ tool_choice })), ['weather', 'ping']);
});

test('arguments are valid under the schema of their tool', async () => {
  const tools = [...TOOLS, tool('files', { type: 'object', ...FILES })];
  const completion = await ask({ tools, tool_choice: 'required' });
  const calls = completion.choices[0].message.tool_calls;
  assert.equal(calls[0].function.arguments, WEATHER_ARGUMENTS);
  assert.equal(calls[2].function.arguments, '{}');
  for (const [at, offered] of tools.entries()) {
    assertValid(offered.function.parameters ?? true, JSON.parse(calls[at].function.arguments));
  }
});

test('tools are counted in the prompt, and calls in the completion', async () => {
  const { usage } = await ask({ tools: [TOOLS[0]], tool_choice: 'required' });
  assert.equal(usage.prompt_tokens, count('Hello', JSON.stringify(TOOLS[0].function)));
  assert.equal(usage.completion_tokens, count('weather', WEATHER_ARGUMENTS));
});

test('streamed calls come as an id and a name, then fragments of the arguments', async () => {
  const chunks = await collect(await ask({ tool_choice: 'required', stream: true }));
  const deltas = chunks.map((chunk) => chunk.choices[0].delta);
  const [first, ...rest] = deltas;
  assert.equal(first.role, 'assistant');
  assert.equal(first.content, null);
  assert.ok(rest.every((delta) => !('role' in delta) && !('content' in delta)));
  assert.ok(deltas.slice(0, -1).every((delta) => delta.tool_calls.length === 1));
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'tool_calls');
  assert.deepEqual(deltas.at(-1), {});

  const pieces = deltas.slice(0, -1).flatMap((delta) => delta.tool_calls);
  assert.deepEqual(
    pieces.map((piece) => piece.index),
    pieces.map((piece) => piece.index).sort(),
  );
  for (const [at, name] of ['weather', 'person', 'ping'].entries()) {
    const [head, ...fragments] = pieces.filter((piece) => piece.index === at);
    assert.match(head.id, /^call_[0-9A-Za-z]{24}$/);
    assert.deepEqual(head, {
      index: at,
      id: head.id,
      type: 'function',
      function: { name, arguments: '' },
    });
    for (const fragment of fragments) {
      assert.deepEqual(Object.keys(fragment), ['index', 'function']);
      assert.deepEqual(Object.keys(fragment.function), ['arguments']);
    }
  }
});

test('fragments of arguments join to what a plain call has', async () => {
  const options = { tool_choice: 'required' };
  const plain = (await ask(options)).choices[0].message.tool_calls.map((call) => call.function.arguments);
  const chunks = await collect(await ask({ ...options, stream: true }));
  const streamed = ['', '', ''];
  for (const { index, function: piece } of chunks.flatMap(
    (chunk) => chunk.choices[0].delta.tool_calls ?? [],
  )) {
    streamed[index] += piece.arguments;
  }
  assert.deepEqual(streamed, plain);
  assert.ok(chunks.length > 10, `${chunks.length} chunks`);
});

test('the result of a call is said back', async () => {
  const messages = said('How is the weather?');
  const called = await ask({ messages, tools: [TOOLS[0]], tool_choice: 'required' });
  const [{ message }] = called.choices;
  messages.push(message, { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'Sunny, 20°' });
  const answered = await ask({ messages });
  assert.equal(answered.choices[0].message.content, 'weather returned: Sunny, 20°');
});

test('results of several calls are said back a line each', async () => {
  const messages = said('Everything, please.');
  const called = await ask({ messages, tool_choice: 'required' });
  const [{ message }] = called.choices;
  messages.push(message);
  for (const call of message.tool_calls.toReversed()) {
    messages.push({ role: 'tool', tool_call_id: call.id, content: `${call.function.name}!` });
  }
  const stream = await ask({ messages, stream: true });
  const text = (await collect(stream)).map((chunk) => chunk.choices[0].delta.content ?? '').join('');
  assert.equal(text, 'ping returned: ping!\nperson returned: person!\nweather returned: weather!');
});

for (const stream of [false, true]) {
  test(`runTools calls the function that is named, ${stream ? 'streamed' : 'plain'}`, async () => {
    const seen = [];
    const weather = {
      name: 'weather',
      parameters: WEATHER,
      parse: JSON.parse,
      function: (given) => {
        seen.push(given);
        return `${given.days} days of sun`;
      },
    };
    const runner = client.chat.completions.runTools({
      model: GPT,
      messages: said('Hello'),
      stream,
      tools: [{ type: 'function', function: weather }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
    });
    assert.equal(await runner.finalFunctionToolCallResult(), '2 days of sun');
    assert.deepEqual(seen, [{ city: 'city', days: 2, unit: 'C' }]);
  });
}
