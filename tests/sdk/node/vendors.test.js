// The examples for Node on the pages of gateways, which lie in tests/sdk/vendors: each is run as
// it is written, but for its host. What else is changed is said beside it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';

import { start } from './server.js';

const FOLDER = path.resolve(import.meta.dirname, '../vendors');
const GATEWAYS = path.resolve(import.meta.dirname, '../../../scenarios/46-gateways.yaml');
const HOSTS = /https:\/\/(ai\.tikhub\.io|tokencode\.dev|tokenoff\.com|api\.tokensmart\.ai)/g;

const plain = await start();
after(plain.stop);
const dressed = await start(GATEWAYS, '--unmatched', 'built-in');
after(dressed.stop);

/** What an example prints. */
function printed(name, server, change = (source) => source) {
  const source = change(readFileSync(path.join(FOLDER, name), 'utf8').replaceAll(HOSTS, server.url), server);
  const preloaded = process.execArgv.filter((argument) => argument.startsWith('--import='));
  const type = name.endsWith('.cjs') ? 'commonjs' : 'module';
  const arguments_ = [...preloaded, `--input-type=${type}`, '--eval', source];
  const child = spawnSync(process.execPath, arguments_, { cwd: import.meta.dirname, encoding: 'utf8' });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout;
}

const SAYING = ['tokenoff/generate.mjs', 'tokensmart/generate.mjs'];

for (const name of SAYING) {
  test(`${name} prints the answer`, () => {
    for (const server of [plain, dressed]) assert.equal(printed(name, server), 'You said: Hello\n');
  });
}

test('tokenoff/stream.mjs prints the chunks, and what its page shows of them', () => {
  const output = printed('tokenoff/stream.mjs', dressed);
  assert.equal(output.split('GenerateContentResponse {').length - 1, 3);
  assert.equal(output.split("finishReason: 'STOP'").length - 1, 1);
  assert.equal(output.split('thoughtsTokenCount: 412').length - 1, 3);
  // All headers of the page, by their names.
  for (const header of [
    ...["'alt-svc'", "'content-disposition': 'attachment'", "'content-type': 'text/event-stream'", 'date'],
    ...['server', "'server-timing'", "'transfer-encoding': 'chunked'", "vary: 'Origin, X-Origin, Referer'"],
    ...["'x-content-type-options': 'nosniff'", "'x-frame-options': 'SAMEORIGIN'", "'x-xss-protection': '0'"],
  ]) {
    assert.ok(output.includes(header), header);
  }
});

test('tokencode/model.cjs makes a model, which answers', () => {
  // The page speaks of the base URL and does not give it, and asks nothing.
  const finished = (source, { url }) =>
    source.replace('gemini-2.5-pro" })', `gemini-2.5-pro" }, { baseUrl: "${url}" })`) +
    'model.generateContent("Hello!").then(({ response }) => console.log(response.text()));';
  assert.equal(printed('tokencode/model.cjs', plain, finished), 'You said: Hello!\n');
});

test('every example for Node is run', () => {
  const files = readdirSync(FOLDER, { recursive: true }).filter((name) => /\.[mc]js$/.test(name));
  assert.deepEqual(files.sort(), [...SAYING, 'tokencode/model.cjs', 'tokenoff/stream.mjs'].sort());
});
