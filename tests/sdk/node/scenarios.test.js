// Shipped scenarios that teach what is said, and when.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { GEMINI, GPT, collect, said } from './clients.js';
import { thrown } from './refused.js';
import { content, pieces, stage, texts } from './scenarios.js';

/** Starts a server of these scenarios for this file's tests. */
async function staged(...names) {
  const { scene, stop } = await stage(...names);
  after(stop);
  return scene;
}

const functions = (...names) => [{ functionDeclarations: names.map((name) => ({ name })) }];
const tools = (...names) => names.map((name) => ({ type: 'function', function: { name, parameters: {} } }));

test('hello is said to everybody', async () => {
  const hello = (await staged('01-hello'))();
  assert.equal(content(await hello.askOpenai()), 'Hello!');
  assert.equal((await hello.askGemini()).text, 'Hello!');
  assert.equal(pieces(await hello.streamOpenai()).join(''), 'Hello!');
  assert.equal(texts(await hello.streamGemini()).join(''), 'Hello!');
});

test('a prompt picks the answer, and a miss tells the nearest stub', async () => {
  const prompts = (await staged('02-prompts'))();
  assert.equal(content(await prompts.askOpenai('ping')), 'pong');
  assert.equal((await prompts.askGemini('Hi, who are you?')).text, 'I am Gemini.');
  assert.equal((await prompts.askGemini('Hi', { systemInstruction: 'Be a pirate' })).text, 'Arr!');
  const missed = await thrown(() => prompts.askOpenai('pong'));
  assert.deepEqual([missed.status, missed.code], [404, 'mynah_no_stub_matches']);
  assert.match(missed.message, /02-prompts\.yaml/);
});

const toolLoop = await staged('08-tool-loop');

for (const [result, answer] of [
  [{ sky: 'sunny' }, 'It is sunny in Zürich.'],
  [{ error: 'offline' }, 'I could not find out.'],
]) {
  test(`a tool loop with OpenAI ends: ${answer}`, async () => {
    const loop = toolLoop();
    const request = { tools: tools('get_weather') };
    const messages = said('How is the weather?');
    const [asked] = (await loop.askOpenai(messages, request)).choices;
    assert.equal(asked.finish_reason, 'tool_calls');
    const [call] = asked.message.tool_calls;
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['get_weather', { city: 'Zürich' }]);
    messages.push(asked.message, { role: 'tool', tool_call_id: call.id, content: JSON.stringify(result) });
    const [last] = (await loop.askOpenai(messages, request)).choices;
    assert.deepEqual([last.finish_reason, last.message.content], ['stop', answer]);
  });

  test(`a tool loop with Gemini ends: ${answer}`, async () => {
    const loop = toolLoop();
    const config = { tools: functions('get_weather') };
    const question = { role: 'user', parts: [{ text: 'How is the weather?' }] };
    const asked = await loop.askGemini([question], config);
    const [{ name, args }] = asked.functionCalls;
    assert.deepEqual([name, args], ['get_weather', { city: 'Zürich' }]);
    const told = { role: 'user', parts: [{ functionResponse: { name, response: result } }] };
    const last = await loop.askGemini([question, asked.candidates[0].content, told], config);
    assert.equal(last.text, answer);
  });
}

test("OpenAI's runner goes through the loop by itself", async () => {
  const cities = [];
  const weather = {
    name: 'get_weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } } },
    parse: JSON.parse,
    function: ({ city }) => {
      cities.push(city);
      return 'sunny';
    },
  };
  const runner = toolLoop().openai().chat.completions.runTools({
    model: GPT,
    messages: said('How is the weather?'),
    tools: [{ type: 'function', function: weather }],
  });
  assert.equal(await runner.finalContent(), 'It is sunny in Zürich.');
  assert.deepEqual(cities, ['Zürich']);
});

test('several tools are called at once', async () => {
  const more = (await staged('09-more-calls'))();
  const calls = [
    ['get_weather', { city: 'Zürich' }],
    ['get_weather', { city: 'Oslo' }],
    ['get_time', { zone: 'UTC' }],
  ];
  const { message } = (await more.askOpenai('Hello', { tools: tools('get_weather', 'get_time') })).choices[0];
  assert.equal(message.content, 'Let me see.');
  assert.deepEqual(
    message.tool_calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
    calls,
  );
  const response = await more.askGemini('Hello', { tools: functions('get_weather', 'get_time') });
  assert.deepEqual(
    response.functionCalls.map((call) => [call.name, call.args]),
    calls,
  );
});

test('structured output is parsed', async () => {
  const structured = (await staged('10-structured'))();
  const Invoice = z.object({
    total: z.number(),
    currency: z.string(),
    lines: z.array(z.object({ item: z.string(), price: z.number() })),
  });
  const invoice = { total: 12.5, currency: 'CHF', lines: [{ item: 'tea', price: 12.5 }] };
  const parse = (prompt) =>
    structured.openai().chat.completions.parse({
      model: GPT,
      messages: said(prompt),
      response_format: zodResponseFormat(Invoice, 'invoice'),
    });
  assert.deepEqual((await parse('The invoice')).choices[0].message.parsed, invoice);
  await assert.rejects(parse('Only half'), /length limit was reached/);
  await assert.rejects(parse('Be talkative'), SyntaxError);
  const config = { responseMimeType: 'application/json', responseJsonSchema: z.toJSONSchema(Invoice) };
  assert.deepEqual(JSON.parse((await structured.askGemini('The invoice', config)).text), invoice);
  const half = await structured.askGemini('Only half', config);
  assert.equal(half.candidates[0].finishReason, 'MAX_TOKENS');
});

test('thoughts stand apart from the answer, and are counted', async () => {
  const thinking = (await staged('11-thinking'))();
  const response = await thinking.askGemini('A number?');
  const [thought, answer] = response.candidates[0].content.parts;
  assert.deepEqual([thought.thought, answer.text, response.text], [true, 'Seven.', 'Seven.']);
  const { promptTokenCount, candidatesTokenCount, thoughtsTokenCount } = response.usageMetadata;
  assert.deepEqual([promptTokenCount, candidatesTokenCount, thoughtsTokenCount], [12, 2, 40]);
  const completion = await thinking.askOpenai('A number?');
  assert.equal(completion.choices[0].message.reasoning_content, thought.text);
  assert.equal(completion.usage.completion_tokens, 42);
  assert.equal(completion.usage.completion_tokens_details.reasoning_tokens, 40);
});

test('a blocked prompt has feedback at Gemini and a refusal at OpenAI', async () => {
  const safety = (await staged('12-safety'))();
  const responses = [await safety.askGemini('A bomb'), ...(await safety.streamGemini('A bomb'))];
  for (const { promptFeedback, candidates, text } of responses) {
    assert.deepEqual([promptFeedback.blockReason, candidates, text], ['SAFETY', undefined, undefined]);
  }
  const [{ message }] = (await safety.askOpenai('A bomb')).choices;
  assert.equal(message.content, null);
  assert.match(message.refusal, /can't assist/);
  assert.equal((await safety.askGemini('A story')).candidates[0].finishReason, 'SAFETY');
  assert.equal((await safety.askOpenai('A story')).choices[0].finish_reason, 'content_filter');
});

test('an answer ends and costs as told', async () => {
  const finish = (await staged('13-finish'))();
  const { usage, choices } = await finish.askOpenai('An essay');
  assert.deepEqual([choices[0].finish_reason, usage.total_tokens], ['length', 1004]);
  const { candidates, usageMetadata } = await finish.askGemini('An essay');
  assert.deepEqual([candidates[0].finishReason, usageMetadata.cachedContentTokenCount], ['MAX_TOKENS', 800]);
});

test('pictures are PNGs', async () => {
  const images = (await staged('14-images'))();
  const isPng = (base64) => Buffer.from(base64, 'base64').toString('latin1', 1, 4) === 'PNG';
  for (const prompt of ['A parrot', 'A dot']) {
    const { data } = await images.openai().images.generate({ model: 'gpt-image-1', prompt });
    assert.ok(isPng(data[0].b64_json));
  }
  const { parts } = (await images.askGemini('A logo')).candidates[0].content;
  assert.equal(parts[0].text, 'Here it is:');
  assert.ok(isPng(parts[1].inlineData.data));
});

test('vectors are those that are given', async () => {
  const embeddings = (await staged('15-embeddings'))();
  const input = ['cat', 'dog'];
  const { data } = await embeddings.openai().embeddings.create({ model: 'text-embedding-3-small', input });
  const vectors = [data.map((item) => item.embedding)];
  const response = await embeddings
    .gemini()
    .models.embedContent({ model: 'gemini-embedding-001', contents: input });
  vectors.push(response.embeddings.map((item) => item.values));
  for (const [cat, dog] of vectors) {
    assert.deepEqual(cat, [1, 0, 0]);
    assert.deepEqual(
      dog.map((number) => number.toFixed(4)),
      ['0.8000', '0.6000', '0.0000'],
    );
  }
});

const tenants = await staged('16-tenants');

test('each tenant has answers of its own', async () => {
  const scene = tenants();
  const as = (tenant) => ({ headers: { 'x-tenant': tenant } });
  const byOpenai = (tenant) => scene.askOpenai('Hello', {}, { defaultHeaders: as(tenant).headers });
  assert.equal(content(await byOpenai('acme')), "Acme's answer.");
  assert.equal((await scene.askGemini('Hello', {}, as('acme'))).text, "Acme's answer.");
  for (const tenant of ['trial-1', 'trial-1', 'trial-2']) {
    assert.equal(content(await byOpenai(tenant)), 'A trial answer.');
  }
  assert.equal((await thrown(() => byOpenai('trial-1'))).status, 429);
  assert.equal((await thrown(() => byOpenai('nobody'))).status, 403);
  assert.equal((await thrown(() => scene.askGemini())).status, 400);
});

test('an order goes step by step, and each session has its own', async () => {
  const scene = await staged('18-states');
  const order = scene();
  const answers = [];
  for (const step of ['pay', 'buy', 'pay', 'buy']) answers.push(content(await order.askOpenai(step)));
  assert.deepEqual(answers, ['There is nothing to pay.', 'Added.', 'Paid.', 'This order is closed.']);
  assert.equal((await scene().askGemini('pay')).text, 'There is nothing to pay.');
});

test('a conversation has its turns', async () => {
  const chat = (await staged('19-conversation'))().gemini().chats.create({ model: GEMINI });
  const answers = [];
  for (const message of ['Hi', 'Ada', 'And you?']) answers.push((await chat.sendMessage({ message })).text);
  assert.deepEqual(answers, ['What is your name?', 'Hello, Ada!', 'We have talked enough.']);
});

test('the first token is slow', async () => {
  const slow = (await staged('20-slow-first-token'))();
  const asks = [
    async () => (await slow.askOpenai('Hello', { stream: true }))[Symbol.asyncIterator](),
    () => slow.gemini().models.generateContentStream({ model: GEMINI, contents: 'Hello' }),
  ];
  for (const ask of asks) {
    const begun = performance.now();
    const stream = await ask();
    await stream.next();
    // Timers end up to a millisecond early.
    assert.ok(performance.now() - begun >= 495);
    for await (const _ of stream);
    assert.ok(performance.now() - begun >= 575);
  }
});

test('a text comes in the pieces that are told', async () => {
  const streams = (await staged('21-streams'))();
  for (const [prompt, expected] of [
    ['pieces', ['Hel', 'lo, ', 'you']],
    ['characters', [...'naïve 🦜']],
    ['fours', ['abcd', 'efgh', 'ij']],
  ]) {
    assert.deepEqual(pieces(await streams.streamOpenai(prompt)), expected);
    assert.deepEqual(texts(await streams.streamGemini(prompt)), expected);
  }
});

test('candidates have ends of their own', async () => {
  const candidates = (await staged('23-candidates'))();
  const { choices } = await candidates.askOpenai('Hello', { n: 2 });
  assert.deepEqual(
    choices.map((choice) => [choice.message.content, choice.finish_reason]),
    [
      ['Heads.', 'stop'],
      ['Tails and', 'length'],
    ],
  );
  const response = await candidates.askGemini('Hello', { candidateCount: 2 });
  assert.deepEqual(
    response.candidates.map((candidate) => [candidate.content.parts[0].text, candidate.finishReason]),
    [
      ['Heads.', 'STOP'],
      ['Tails and', 'MAX_TOKENS'],
    ],
  );
});

test('models that are not known are not found, and the others listed', async () => {
  const models = (await staged('24-models'))();
  const known = ['gpt-4o', 'gpt-4o-mini', 'gemini-2.5-flash'];
  const listed = await collect(await models.openai().models.list());
  assert.deepEqual(
    listed.map((model) => model.id),
    known,
  );
  const pager = await collect(await models.gemini().models.list());
  assert.deepEqual(
    pager.map((model) => model.name),
    known.map((name) => `models/${name}`),
  );
  const unknown = await thrown(() => models.askOpenai('Hello', { model: 'gpt-3' }));
  assert.deepEqual([unknown.status, unknown.code], [404, 'model_not_found']);
});

test('tokens are counted as told', async () => {
  const { models } = (await staged('25-counting'))().gemini();
  const counted = await models.countTokens({ model: GEMINI, contents: 'A whole book' });
  assert.equal(counted.totalTokens, 1_000_000);
});

test('each provider has words of its own', async () => {
  const own = (await staged('29-own-words'))();
  const [{ groundingMetadata }] = (await own.askGemini()).candidates;
  assert.deepEqual(groundingMetadata.webSearchQueries, ['capital of Switzerland']);
  assert.equal((await own.askOpenai()).service_tier, 'flex');
});
