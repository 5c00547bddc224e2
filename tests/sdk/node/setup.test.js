import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

import { CLAUDE, GEMINI, GPT, gemini, openai, openaiAtGoogle, said } from './clients.js';
import { googleError, thrown } from './refused.js';
import { start } from './server.js';

/** The variables that a banner's `export` lines set. */
function exports(banner) {
  const lines = banner.split('\n').filter((line) => line.trim().startsWith('export '));
  return Object.fromEntries(
    lines.flatMap((line) => line.trim().split(' ').slice(1)).map((pair) => pair.split('=')),
  );
}

/** What a module prints that has these variables and no others. */
function run(source, env) {
  // With what was preloaded here, which chooses the generation.
  const preloaded = process.execArgv.filter((argument) => argument.startsWith('--import='));
  const arguments_ = [...preloaded, '--input-type=module', '--eval', source];
  const child = spawnSync(process.execPath, arguments_, { cwd: import.meta.dirname, env, encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout.trim();
}

const GEMINI_BY_VARIABLES = `
  import { GoogleGenAI } from '@google/genai';
  const client = new GoogleGenAI({});
  const response = await client.models.generateContent({ model: '${GEMINI}', contents: 'Hello' });
  console.log(response.text);
`;

const OPENAI_BY_VARIABLES = `
  import OpenAI from 'openai';
  const client = new OpenAI();
  const messages = [{ role: 'user', content: 'Hello' }];
  const completion = await client.chat.completions.create({ model: '${GPT}', messages });
  console.log(completion.choices[0].message.content);
`;

const ANTHROPIC_BY_VARIABLES = `
  import Anthropic from '@anthropic-ai/sdk';
  const client = new Anthropic();
  const messages = [{ role: 'user', content: 'Hello' }];
  const message = await client.messages.create({ model: '${CLAUDE}', max_tokens: 100, messages });
  console.log(message.content[0].text);
`;

for (const flags of [[], ['--base-path', '/api']]) {
  const where = flags.join(' ') || 'no flags';

  test(`the banner's variables alone are enough with ${where}`, async () => {
    await using server = await start(...flags);
    const variables = exports(server.banner);
    assert.equal(variables.GOOGLE_GEMINI_BASE_URL, server.url);
    assert.equal(variables.OPENAI_BASE_URL, `${server.url}/v1`);
    assert.equal(run(GEMINI_BY_VARIABLES, variables), 'You said: Hello');
    assert.equal(variables.ANTHROPIC_BASE_URL, server.url);
    assert.equal(run(OPENAI_BY_VARIABLES, variables), 'You said: Hello');
    assert.equal(run(ANTHROPIC_BY_VARIABLES, variables), 'You said: Hello');
  });

  test(`the banner's lines for Node are code that works with ${where}`, async () => {
    await using server = await start(...flags);
    const lines = server.banner
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('Node:'));
    const classes = { GoogleGenAI, OpenAI, Anthropic };
    const [google, ours, claude] = lines.map((line) =>
      new Function(...Object.keys(classes), `return ${line.slice('Node:'.length)}`)(
        ...Object.values(classes),
      ),
    );
    const response = await google.models.generateContent({ model: GEMINI, contents: 'Hello' });
    assert.equal(response.text, 'You said: Hello');
    const completion = await ours.chat.completions.create({ model: GPT, messages: said('Hello') });
    assert.equal(completion.choices[0].message.content, 'You said: Hello');
    const asked = { model: CLAUDE, max_tokens: 100, messages: said('Hello') };
    assert.equal((await claude.messages.create(asked)).content[0].text, 'You said: Hello');
  });
}

test('a base path stands in front of every route', async () => {
  await using server = await start('--base-path', '/api');
  const { models } = gemini(server);
  const stream = await models.generateContentStream({ model: GEMINI, contents: 'Hello' });
  const chunks = await Array.fromAsync(stream, (chunk) => chunk.text);
  assert.equal(chunks.join(''), 'You said: Hello');
  assert.equal((await models.get({ model: GEMINI })).name, `models/${GEMINI}`);
  assert.equal((await openai(server).models.retrieve(GPT)).id, GPT);
  assert.equal((await openaiAtGoogle(server).models.retrieve(GEMINI)).id, `models/${GEMINI}`);
});

test('without its base path no route is known', async () => {
  await using server = await start('--base-path', '/api');
  const bare = { url: server.url.replace('/api', '') };
  const error = await thrown(() => openai(bare).models.retrieve(GPT));
  assert.ok(error instanceof OpenAI.NotFoundError, `${error}`);
  const { code } = await googleError(() => gemini(bare).models.get({ model: GEMINI }));
  assert.equal(code, 404);
});

test('localhost is as good as 127.0.0.1', async () => {
  await using server = await start();
  const local = { url: server.url.replace('127.0.0.1', 'localhost') };
  assert.equal((await openai(local).models.retrieve(GPT)).id, GPT);
  assert.equal((await gemini(local).models.get({ model: GEMINI })).name, `models/${GEMINI}`);
});

test('a binary that is missing is told, not passed over', async () => {
  const source = `
    import { start } from './server.js';
    await start().catch((error) => console.log(error.message));
  `;
  assert.match(
    run(source, { MYNAH_BIN: '/no/such/mynah' }),
    /^no binary at \/no\/such\/mynah: run "cargo build"/,
  );
});

test('a server that does not start is told with its reason', async () => {
  const error = await thrown(() => start('--no-such-flag'));
  assert.match(error.message, /did not start: ended with 2\n.*--no-such-flag/s);
});
