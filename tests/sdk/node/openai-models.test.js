import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GPT, gemini, openai, said } from './clients.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openai(server);

test('the list of models is told to its end', async () => {
  const models = await Array.fromAsync(client.models.list());
  const ids = models.map((model) => model.id);
  assert.ok(ids.includes('gpt-4o'), `${ids}`);
  assert.ok(
    ids.every((id) => !id.startsWith('models/') && !id.startsWith('gemini')),
    `${ids}`,
  );
  for (const model of models) {
    assert.deepEqual(Object.keys(model), ['id', 'object', 'created', 'owned_by']);
    assert.equal(model.object, 'model');
    assert.ok(Number.isInteger(model.created));
  }
});

test('a model is described as it is in the list', async () => {
  const models = await Array.fromAsync(client.models.list());
  assert.deepEqual(
    await client.models.retrieve('gpt-4o'),
    models.find((model) => model.id === 'gpt-4o'),
  );
});

test('any name is a model', async () => {
  for (const id of ['my-own', 'some/one:new']) {
    const model = await client.models.retrieve(id);
    assert.equal(model.id, id);
    assert.equal(model.object, 'model');
  }
});

test('one path has two lists, told apart by who asks', async () => {
  const urls = [];
  const fetch_ = (url, init) => {
    urls.push(new URL(url).pathname);
    return fetch(url, init);
  };
  const ours = await openai(server, { fetch: fetch_ }).models.list();
  const theirs = await gemini(server, { fetch: fetch_, apiVersion: 'v1' }).models.list();
  assert.deepEqual(urls, ['/v1/models', '/v1/models']);
  assert.equal(ours.data[0].object, 'model');
  assert.match(theirs.page[0].name, /^models\/gemini-/);
});

test('one path describes a model in two ways, told apart by who asks', async () => {
  const theirs = await gemini(server).models.get({ model: 'gemini-2.5-flash' });
  const ours = await client.models.retrieve('gemini-2.5-flash');
  assert.equal(theirs.name, 'models/gemini-2.5-flash');
  assert.equal(ours.id, 'gemini-2.5-flash');
});

test('every answer has a request id of its own', async () => {
  const request = { model: GPT, messages: said('Hello') };
  const ids = [];
  for (let time = 0; time < 3; time += 1) {
    const completion = await client.chat.completions.create(request);
    const { request_id } = await client.chat.completions.create(request).withResponse();
    ids.push(completion._request_id, request_id);
  }
  ids.forEach((id) => assert.match(id, /^req_[0-9a-f]{32}$/));
  assert.equal(new Set(ids).size, 6);
});

for (const stream of [false, true]) {
  test(`rate limits stand in the headers of ${stream ? 'a stream' : 'a completion'}`, async () => {
    const request = { model: GPT, messages: said('Hello'), stream };
    const { response, request_id } = await client.chat.completions.create(request).withResponse();
    const header = (name) => response.headers.get(name);
    assert.equal(header('x-request-id'), request_id);
    for (const what of ['requests', 'tokens']) {
      const [limit, remaining] = ['limit', 'remaining'].map((side) =>
        Number(header(`x-ratelimit-${side}-${what}`)),
      );
      assert.ok(limit > 0 && remaining === limit - 1, `${what}: ${remaining} of ${limit}`);
      assert.match(header(`x-ratelimit-reset-${what}`), /^(\d+h)?(\d+m)?(\d+(\.\d+)?s|\d+ms)?$/);
    }
    assert.equal(header('content-type'), stream ? 'text/event-stream; charset=utf-8' : 'application/json');
    assert.equal(header('openai-version'), '2020-10-01');
    assert.match(header('openai-processing-ms'), /^\d+$/);
    assert.equal(header('x-mynah-answer'), 'built-in');
    await response.body?.cancel?.().catch(() => {});
  });
}

test('no answer tells what made it where marks are off', async () => {
  await using quiet = await start('--no-marks');
  const request = { model: GPT, messages: said('Hello') };
  const { response } = await openai(quiet).chat.completions.create(request).withResponse();
  assert.deepEqual(
    [...response.headers.keys()].filter((name) => name.includes('mynah')),
    [],
  );
});
