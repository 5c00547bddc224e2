import assert from 'node:assert/strict';
import { test } from 'node:test';

import { GEMINI, GPT, collect, gemini, openai, openaiAtGoogle, said } from './clients.js';
import { start } from './server.js';

const FIXED = ['--seed', '7', '--clock', '2026-01-01T00:00:00Z'];
const NEW_YEAR = Date.parse('2026-01-01T00:00:00Z') / 1000;
const HELLO = { model: GPT, messages: said('Hello') };
const TOOLS = [{ type: 'function', function: { name: 'ping' } }];
const PROMPT = { model: GEMINI, contents: 'Hello' };

/** Calls of all kinds, by name. */
const CALLS = {
  completion: ({ ours }) => ours.chat.completions.create(HELLO),
  stream: async ({ ours }) => collect(await ours.chat.completions.create({ ...HELLO, stream: true, n: 2 })),
  tools: ({ ours }) => ours.chat.completions.create({ ...HELLO, tools: TOOLS, tool_choice: 'required' }),
  logprobs: ({ ours }) => ours.chat.completions.create({ ...HELLO, logprobs: true, top_logprobs: 5 }),
  models: ({ ours }) => Array.fromAsync(ours.models.list()),
  atGoogle: ({ both }) => both.chat.completions.create(HELLO),
  refusal: ({ ours }) => ours.chat.completions.create({ ...HELLO, n: 0 }).catch((error) => error.error),
  content: ({ theirs }) => theirs.models.generateContent(PROMPT),
  contentStream: async ({ theirs }) => collect(await theirs.models.generateContentStream(PROMPT)),
  count: ({ theirs }) => theirs.models.countTokens(PROMPT),
  list: async ({ theirs }) => (await theirs.models.list()).page,
};

/** Makes calls on a fresh server, and keeps the raw answers as well. */
async function answers(flags, names, isAtOnce = false) {
  await using server = await start(...flags);
  const raw = {};
  const call = async (name) => {
    raw[name] = [];
    const watched = async (url, init) => {
      const response = await fetch(url, init);
      const body = await response.clone().text();
      raw[name].push({ status: response.status, headers: [...response.headers], body });
      return response;
    };
    const options = { fetch: watched };
    const clients = {
      ours: openai(server, options),
      both: openaiAtGoogle(server, options),
      theirs: gemini(server, options),
    };
    return JSON.parse(JSON.stringify(await CALLS[name](clients)));
  };
  const results = {};
  const pending = [];
  for (const name of names) {
    const result = call(name).then((value) => (results[name] = value));
    if (isAtOnce) pending.push(result);
    else await result;
  }
  await Promise.all(pending);
  return { raw, results };
}

const NAMES = Object.keys(CALLS);

test('two fresh servers give the same answers, byte for byte, headers included', async () => {
  const once = await answers(FIXED, NAMES);
  const again = await answers(FIXED, NAMES);
  assert.deepEqual(again.results, once.results);
  assert.deepEqual(again.raw, once.raw);
});

test('the order of calls changes nothing, nor that they come all at once', async () => {
  const once = await answers(FIXED, NAMES);
  for (const other of [await answers(FIXED, NAMES.toReversed()), await answers(FIXED, NAMES, true)]) {
    assert.deepEqual(other.results, once.results);
    for (const name of NAMES) assert.deepEqual({ [name]: other.raw[name] }, { [name]: once.raw[name] });
  }
});

test('another seed gives other ids and says the same', async () => {
  const [one, other] = await Promise.all(
    ['7', '8'].map((seed) =>
      answers(['--seed', seed, '--clock', '2026-01-01T00:00:00Z'], ['completion', 'content']),
    ),
  );
  assert.notEqual(one.results.completion.id, other.results.completion.id);
  assert.notEqual(one.results.completion.system_fingerprint, other.results.completion.system_fingerprint);
  assert.notEqual(one.results.content.responseId, other.results.content.responseId);
  assert.deepEqual(one.results.completion.choices, other.results.completion.choices);
  assert.deepEqual(one.results.content.candidates, other.results.content.candidates);
});

test('a clock that stands still is told everywhere', async () => {
  const { results, raw } = await answers(FIXED, ['completion', 'stream', 'content']);
  assert.equal(results.completion.created, NEW_YEAR);
  assert.ok(results.stream.every((chunk) => chunk.created === NEW_YEAR));
  for (const [{ headers }] of Object.values(raw)) {
    assert.equal(new Headers(headers).get('date'), 'Thu, 01 Jan 2026 00:00:00 GMT');
  }
});

async function twice(...flags) {
  await using server = await start(...flags);
  const ids = async () => {
    const completion = await openai(server).chat.completions.create(HELLO);
    const response = await gemini(server).models.generateContent(PROMPT);
    return [completion.id, completion._request_id, response.responseId];
  };
  return [await ids(), await ids()];
}

test('the same request again gets ids of its own', async () => {
  const [first, second] = await twice();
  first.forEach((id, at) => assert.notEqual(second[at], id));
});

test('the same requests again get the same ids on a fresh server', async () => {
  assert.deepEqual(await twice(), await twice());
});

test('with --ids by-request the same request always has the same ids', async () => {
  const [first, second] = await twice('--ids', 'by-request');
  assert.deepEqual(second, first);
  const [replica] = await twice('--ids', 'by-request');
  assert.deepEqual(replica, first);
});
