import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { GEMINI, collect, gemini } from './clients.js';
import { start } from './server.js';
import { count } from './tokens.js';

const server = await start();
after(server.stop);
const client = gemini(server);

test('a chat says back the last message and remembers the others', async () => {
  const chat = client.chats.create({ model: GEMINI });
  assert.equal((await chat.sendMessage({ message: 'One' })).text, 'You said: One');
  const second = await chat.sendMessage({ message: 'Two' });
  assert.equal(second.text, 'You said: Two');
  assert.equal(second.usageMetadata.promptTokenCount, count('One', 'You said: One', 'Two'));
  assert.deepEqual(
    chat.getHistory(true).map(({ role, parts }) => [role, parts[0].text]),
    [
      ['user', 'One'],
      ['model', 'You said: One'],
      ['user', 'Two'],
      ['model', 'You said: Two'],
    ],
  );
});

test('a streamed chat keeps what it heard', async () => {
  const chat = client.chats.create({ model: GEMINI, config: { systemInstruction: 'Be kind.' } });
  const chunks = await collect(await chat.sendMessageStream({ message: 'One' }));
  assert.equal(chunks.map((chunk) => chunk.text).join(''), 'You said: One');
  const second = await chat.sendMessage({ message: ['Two', 'Three'] });
  assert.equal(second.text, 'You said: Two\nThree');
  // Each chunk went into the history as a content of its own.
  assert.equal(
    second.usageMetadata.promptTokenCount,
    count('Be kind.', 'One', 'You', ' said:', ' One', 'Two', 'Three'),
  );
});

test('a chat goes on behind a call', async () => {
  const chat = client.chats.create({
    model: GEMINI,
    config: { tools: [{ functionDeclarations: [{ name: 'ping' }] }] },
  });
  const called = await chat.sendMessage({
    message: 'Hello',
    config: {
      tools: [{ functionDeclarations: [{ name: 'ping' }] }],
      toolConfig: { functionCallingConfig: { mode: 'ANY' } },
    },
  });
  assert.deepEqual(called.functionCalls, [{ name: 'ping', args: {} }]);
  const answered = await chat.sendMessage({
    message: { functionResponse: { name: 'ping', response: { output: 'pong' } } },
  });
  assert.equal(answered.text, 'ping returned: {"output":"pong"}');
});
