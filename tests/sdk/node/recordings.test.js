// What is recorded of the SDKs' calls gives them the same again, without any upstream.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { ApiError } from '@google/genai';
import OpenAI from 'openai';

import { CLAUDE, GEMINI, GPT, collect, said } from './clients.js';
import { KEY, PROVIDERS, Studio, untilEnd } from './recordings.js';
import { thrown } from './refused.js';
import { content, pieces } from './scenarios.js';

const { openai: OPENAI, gemini: GOOGLE, anthropic: ANTHROPIC } = PROVIDERS;
const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, size: { type: 'integer' } },
  required: ['name', 'size'],
  additionalProperties: false,
};
const WEATHER = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

/** What a call gives, or what it throws. */
const ended = (call) => call().catch((error) => error);

async function openaiCalls(server) {
  const client = OPENAI.client(server);
  const format = { type: 'json_schema', json_schema: { name: 'city', strict: true, schema: SCHEMA } };
  const { data, response } = await client.chat.completions
    .create({ model: GPT, messages: said('Hello'), n: 2, logprobs: true })
    .withResponse();
  return {
    chat: data,
    headers: response.headers,
    stream: await collect(await OPENAI.stream(client, 'Hello')),
    compressed: await collect(await OPENAI.stream(client, 'packed')),
    response: await client.responses.create({ model: GPT, input: 'Hello' }),
    events: await collect(await client.responses.create({ model: GPT, input: 'Hello', stream: true })),
    vectors: await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] }),
    picture: await client.images.generate({ prompt: 'A parrot', size: '64x64', response_format: 'b64_json' }),
    parsed: await client.chat.completions.parse({
      model: GPT,
      messages: said('Hello'),
      response_format: format,
    }),
    models: await collect(client.models.list()),
  };
}

async function geminiCalls(server) {
  const client = GOOGLE.client(server);
  const config = { responseMimeType: 'application/json', responseJsonSchema: SCHEMA };
  const chat = client.chats.create({ model: GEMINI });
  return {
    answer: await GOOGLE.ask(client, 'Hello', { candidateCount: 2 }),
    stream: await collect(await GOOGLE.stream(client, 'Hello')),
    compressed: await collect(await GOOGLE.stream(client, 'packed')),
    structure: await GOOGLE.ask(client, 'Hello', config),
    count: await client.models.countTokens({ model: GEMINI, contents: 'Hello wonderful world' }),
    vectors: await client.models.embedContent({ model: 'gemini-embedding-001', contents: ['one', 'two'] }),
    first: await chat.sendMessage({ message: 'First' }),
    second: await collect(await chat.sendMessageStream({ message: 'Second' })),
    history: chat.getHistory(),
    models: await collect(await client.models.list({ config: { pageSize: 2 } })),
  };
}

async function anthropicCalls(server) {
  const client = ANTHROPIC.client(server);
  const { data, response } = await client.messages
    .create({ model: CLAUDE, max_tokens: 1000, messages: said('Hello') })
    .withResponse();
  return {
    message: data,
    headers: response.headers,
    stream: await collect(await ANTHROPIC.stream(client, 'Hello')),
    count: await client.messages.countTokens({ model: CLAUDE, messages: said('Hello wonderful world') }),
  };
}

for (const encoding of ['identity', 'pass']) {
  test(`all sorts of calls get the same again, with the encoding ${encoding}`, async () => {
    using studio = new Studio();
    const calls = async (server) => [
      await openaiCalls(server),
      await geminiCalls(server),
      await anthropicCalls(server),
    ];
    const [chats, answers] = await studio.twice(calls, '--encoding', encoding);
    assert.deepEqual(pieces(chats.compressed), ['One', ' zwölf 🦜', ' three']);
    assert.equal(answers.history.length, 6);
    assert.ok(studio.count() >= 24);
  });
}

const LOOPS = {
  async openai(client) {
    const tools = [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER } }];
    const calling = await OPENAI.ask(client, 'How is the weather?', { tools });
    const { message } = calling.choices[0];
    const result = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: 'sunny' };
    const messages = [...said('How is the weather?'), message, result];
    const answer = await OPENAI.ask(client, '', { tools, messages });
    return [content(answer), calling, answer];
  },
  async gemini(client) {
    const tools = [{ functionDeclarations: [{ name: 'get_weather', parametersJsonSchema: WEATHER }] }];
    const chat = client.chats.create({ model: GEMINI, config: { tools } });
    const calling = await chat.sendMessage({ message: 'How is the weather?' });
    const response = { name: 'get_weather', response: { result: 'sunny' } };
    const answer = await chat.sendMessage({ message: [{ functionResponse: response }] });
    return [answer.text, calling, answer];
  },
  async anthropic(client) {
    const tools = [{ name: 'get_weather', input_schema: WEATHER }];
    const calling = await ANTHROPIC.ask(client, 'How is the weather?', { tools });
    const [call] = calling.content;
    const results = [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny' }];
    const told = { role: 'assistant', content: calling.content };
    const messages = [...said('How is the weather?'), told, ...said(results)];
    const answer = await ANTHROPIC.ask(client, '', { tools, messages });
    return [answer.content[0].text, calling, answer];
  },
};

for (const [name, provider] of Object.entries(PROVIDERS)) {
  const { client, ask, stream, patient } = provider;

  test(`${name}: a tool loop is gone through again`, async () => {
    using studio = new Studio();
    const [text] = await studio.twice((server) => LOOPS[name](client(server)));
    assert.deepEqual([text, studio.count()], ['It is sunny in Zürich.', 2]);
  });

  test(`${name}: calls that follow each other get their answers in order`, async () => {
    using studio = new Studio();
    await studio.twice(async (server) => {
      const asking = client(server);
      return [await ask(asking, 'Count'), await ask(asking, 'Count'), await ask(asking, 'Count')];
    });
    assert.equal(studio.count(), 3);
  });

  test(`${name}: a call is tried again until it is answered`, async () => {
    using studio = new Studio();
    await studio.twice((server) => ask(client(server, patient(2)), 'Wait'));
    assert.equal(studio.count(), 3);
  });

  test(`${name}: errors are the same again`, async () => {
    using studio = new Studio();
    const errors = await studio.twice(async (server) => {
      const got = [];
      for (const code of [400, 401, 404, 429, 500]) {
        got.push(await ended(() => ask(client(server), `error ${code}`)));
        got.push(...(await untilEnd(() => stream(client(server), `error ${code}`))));
      }
      return got;
    });
    const codes = errors.map((error) => error.status);
    assert.deepEqual(codes, [400, 400, 401, 401, 404, 404, 429, 429, 500, 500]);
  });

  test(`${name}: a stream that broke off does so again`, async () => {
    using studio = new Studio();
    const streams = await studio.twice(async (server) => ({
      reset: await untilEnd(() => stream(client(server), 'reset')),
      close: await untilEnd(() => stream(client(server), 'close')),
      half: await untilEnd(() => stream(client(server), 'half')),
    }));
    // Gemini's SDK does not see an error that comes together with other events.
    if (name === 'gemini') delete streams.half;
    for (const got of Object.values(streams)) {
      const lost = got.map((item) => item instanceof Error);
      assert.deepEqual([lost.indexOf(true), got.length > 1], [got.length - 1, true]);
    }
    assert.equal(streams.reset.at(-1).cause.code, 'ECONNRESET');
  });

  test(`${name}: a stream that nobody reads to its end is no trouble`, async () => {
    using studio = new Studio();
    await studio.twice(async (server) => {
      for await (const item of await stream(client(server), 'slow')) return item;
    });
  });

  test(`${name}: a key in an answer is not written down`, async () => {
    using studio = new Studio();
    const fail = (server) => thrown(() => ask(client(server), 'Who am I?'));
    const [recorded, replayed] = [await studio.record(fail), await studio.replay(fail)];
    assert.deepEqual([recorded.message.includes(KEY), replayed.message.includes(KEY)], [true, false]);
    assert.deepEqual([replayed.constructor, replayed.status], [recorded.constructor, 401]);
  });

  test(`${name}: what was not recorded is not found`, async () => {
    using studio = new Studio();
    await studio.record((server) => ask(client(server), 'Hello'));
    const errors = await studio.replay(async (server) => [
      await ended(() => ask(client(server), 'Something else')),
      ...(await untilEnd(() => stream(client(server), 'Something else'))),
    ]);
    const kind = { openai: OpenAI.NotFoundError, gemini: ApiError, anthropic: Anthropic.NotFoundError }[name];
    for (const error of errors) {
      assert.deepEqual([error.constructor, error.status], [kind, 404]);
      assert.match(error.message, /not recorded/);
    }
  });
}

test('calls that are the same get each its own answer', async () => {
  using studio = new Studio();
  const answers = await studio.twice(async (server) => {
    const client = OPENAI.client(server);
    const all = await Promise.all(Array.from({ length: 4 }, () => OPENAI.ask(client, 'Count')));
    return all.sort((one, other) => content(one).localeCompare(content(other)));
  });
  assert.deepEqual(answers.map(content), ['Four', 'One', 'Three', 'Two']);
});

test('too few tries end with the same error', async () => {
  using studio = new Studio();
  const once = (server) => OPENAI.client(server, { maxRetries: 1 });
  const error = await studio.twice((server) => ended(() => OPENAI.ask(once(server), 'Wait')));
  assert.deepEqual([error.constructor, studio.count()], [OpenAI.RateLimitError, 2]);
});

test('another key gets what was recorded', async () => {
  using studio = new Studio();
  const recorded = await studio.record((server) => OPENAI.ask(OPENAI.client(server), 'Hello'));
  const another = { apiKey: 'sk-another-key' };
  const replayed = await studio.replay((server) => OPENAI.ask(OPENAI.client(server, another), 'Hello'));
  assert.deepEqual(replayed, recorded);
});

test('what was not recorded does not touch the network', async () => {
  using studio = new Studio();
  await studio.record((server) => OPENAI.ask(OPENAI.client(server), 'Hello'));
  let connections = 0;
  await using upstream = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await once(upstream.listen(0, '127.0.0.1'), 'listening');
  const flags = ['--upstream', `openai=http://127.0.0.1:${upstream.address().port}/v1`, '--mode', 'none'];
  const miss = (server) => thrown(() => OPENAI.ask(OPENAI.client(server), 'Something else'));
  assert.ok((await studio.replay(miss, ...flags)) instanceof OpenAI.NotFoundError);
  assert.equal(connections, 0);
});

test('an empty folder takes recordings', async () => {
  using studio = new Studio();
  mkdirSync(studio.cassettes);
  await studio.twice((server) => OPENAI.ask(OPENAI.client(server), 'Hello'));
});

test('each session has its own answers', async () => {
  using studio = new Studio();
  const two = (first, second) => async (server) => {
    const byPath = OPENAI.client({ url: `${server.url}/s/${first}` });
    const byHeader = OPENAI.client(server, { defaultHeaders: { 'x-mynah-session': second } });
    return {
      [first]: content(await OPENAI.ask(byPath, 'Count')),
      [second]: content(await OPENAI.ask(byHeader, 'Count')),
    };
  };
  const recorded = await studio.record(two('first', 'second'));
  assert.deepEqual(recorded, { first: 'One', second: 'Two' });
  assert.deepEqual(studio.names(), ['first.yaml', 'second.yaml']);
  assert.deepEqual(await studio.replay(two('second', 'first')), recorded);
});
