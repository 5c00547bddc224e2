import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { gemini } from './clients.js';
import { googleError } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

const MODEL = 'gemini-embedding-001';

test('a text has a vector of length 1', async () => {
  const { embeddings } = await models.embedContent({ model: MODEL, contents: 'Hello' });
  assert.equal(embeddings.length, 1);
  assert.equal(embeddings[0].values.length, 3072);
  assert.ok(Math.abs(Math.hypot(...embeddings[0].values) - 1) < 1e-4);
});

test('each text has its own vector, the same each time', async () => {
  const contents = Array.from({ length: 100 }, (_, at) => `text ${at}`);
  const config = { outputDimensionality: 20, taskType: 'SEMANTIC_SIMILARITY' };
  const [one, two] = await Promise.all(
    ['v1', 'v1beta'].map((apiVersion) =>
      gemini(server, { apiVersion }).models.embedContent({ model: MODEL, contents, config }),
    ),
  );
  assert.deepEqual(one.embeddings, two.embeddings);
  assert.equal(new Set(one.embeddings.map(({ values }) => values.join())).size, 100);
  assert.ok(one.embeddings.every(({ values }) => values.length === 20));
});

test('more than a hundred texts are refused', async () => {
  const contents = Array(101).fill('Hello');
  const error = await googleError(() => models.embedContent({ model: MODEL, contents }));
  assert.equal(error.status, 'INVALID_ARGUMENT');
  assert.match(error.message, /at most 100 requests can be in one batch/);
});
