import assert from 'node:assert/strict';
import { test } from 'node:test';

import { major } from './generation.js';

const SDKS = {
  openai: [7, 6],
  '@google/genai': [3, 2],
  '@anthropic-ai/sdk': [1, 0],
  ai: [7, 6],
  '@ai-sdk/anthropic': [4, 3],
  '@ai-sdk/google': [4, 3],
  '@ai-sdk/openai': [4, 3],
  '@ai-sdk/openai-compatible': [3, 2],
};

test('all SDKs are of one generation', () => {
  const current = major('openai') === SDKS.openai[0];
  for (const [name, generations] of Object.entries(SDKS)) {
    assert.equal(major(name), generations[current ? 0 : 1], name);
  }
});
