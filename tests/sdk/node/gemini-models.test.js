import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { createPartFromBase64 } from '@google/genai';

import { GEMINI, gemini } from './clients.js';
import { start } from './server.js';
import { ATTACHMENT, count } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

async function all(config) {
  return Array.fromAsync(await models.list({ config }));
}

test('models are listed with all that Google tells of them', async () => {
  const listed = await all();
  const flash = listed.find((model) => model.name === `models/${GEMINI}`);
  assert.equal(flash.displayName, 'Gemini 2.5 Flash');
  assert.ok(flash.inputTokenLimit > 0 && flash.outputTokenLimit > 0);
  assert.ok(flash.supportedActions.includes('generateContent'));
  assert.ok(listed.every((model) => /^models\/(gemini|imagen)-/.test(model.name)));
});

test('pages of two put together are the whole list', async () => {
  const whole = (await all()).map((model) => model.name);
  const pager = await models.list({ config: { pageSize: 2 } });
  const pages = [pager.page.map((model) => model.name)];
  while (pager.hasNextPage()) {
    pages.push((await pager.nextPage()).map((model) => model.name));
  }
  assert.equal(pages.length, Math.ceil(whole.length / 2));
  assert.ok(pages.slice(0, -1).every((page) => page.length === 2));
  assert.deepEqual(pages.flat(), whole);
});

test('a page may be larger than the list', async () => {
  const pager = await models.list({ config: { pageSize: 1000 } });
  assert.equal(pager.hasNextPage(), false);
  assert.deepEqual(
    pager.page.map((model) => model.name),
    (await all()).map((model) => model.name),
  );
});

test('a model is described as it is in the list', async () => {
  const described = await models.get({ model: GEMINI });
  const { sdkHttpResponse, ...model } = described;
  assert.deepEqual({ ...model }, { ...(await all()).find((listed) => listed.name === `models/${GEMINI}`) });
});

test('any name is a model', async () => {
  for (const name of ['my-own', 'some/one', 'gemini-2.5-flash:free']) {
    assert.equal((await models.get({ model: name })).name, `models/${name}`);
  }
});

for (const [what, contents, tokens] of [
  ['a word', 'Hello', 1],
  ['a longer text', 'An extraordinarily long wörd 🦜', count('An extraordinarily long wörd 🦜')],
  ['an image', ['What?', createPartFromBase64('iVBORw0KGgo=', 'image/png')], 1 + ATTACHMENT],
  [
    'a conversation',
    [
      { role: 'user', parts: [{ text: 'One' }] },
      { role: 'model', parts: [{ functionCall: { name: 'f', args: { a: 1 } } }] },
      { role: 'user', parts: [{ functionResponse: { name: 'f', response: { b: 2 } } }] },
    ],
    1 + count('{"name":"f","args":{"a":1}}') + count('{"name":"f","response":{"b":2}}'),
  ],
]) {
  test(`countTokens counts ${what} as a prompt is counted`, async () => {
    const { totalTokens } = await models.countTokens({ model: GEMINI, contents });
    const { usageMetadata } = await models.generateContent({ model: GEMINI, contents });
    assert.equal(totalTokens, tokens);
    assert.equal(usageMetadata.promptTokenCount, tokens);
  });
}
