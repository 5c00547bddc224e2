import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { generateText, streamText } from 'ai';

import { collect } from './clients.js';
import { start } from './server.js';
import { MODELS, openaiProvider } from './vercel-ai.js';

const server = await start();
after(server.stop);

const THOUGHT = 'I am asked something. I will say it back.';

// How each is asked to show what it thinks.
const WAYS = {
  responses: {
    model: openaiProvider(server)('gpt-5'),
    providerOptions: { openai: { reasoningEffort: 'high', reasoningSummary: 'auto' } },
  },
  google: {
    model: MODELS.google(server),
    providerOptions: { google: { thinkingConfig: { includeThoughts: true } } },
  },
  anthropic: {
    model: MODELS.anthropic(server),
    providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
  },
};

for (const [name, way] of Object.entries(WAYS)) {
  test(`${name}: a thought is shown beside the text`, async () => {
    const { text, reasoningText } = await generateText({ ...way, prompt: 'Hello' });
    assert.deepEqual([text, reasoningText], ['You said: Hello', THOUGHT]);
  });

  test(`${name}: a thought is streamed in front of the text`, async () => {
    const parts = await collect(streamText({ ...way, prompt: 'Hello' }).fullStream);
    const types = parts.map((part) => part.type);
    assert.ok(types.indexOf('reasoning-end') < types.indexOf('text-start'), `${types}`);
    const thoughts = parts.filter((part) => part.type === 'reasoning-delta').map((part) => part.text);
    assert.equal(thoughts.join(''), THOUGHT);
  });

  test(`${name}: a thought goes back with the next turn`, async () => {
    const { response } = await generateText({ ...way, prompt: 'Hello' });
    const messages = [
      { role: 'user', content: 'Hello' },
      ...response.messages,
      { role: 'user', content: 'Thanks' },
    ];
    const { text } = await generateText({ ...way, messages });
    assert.equal(text, 'You said: Thanks');
  });
}
