import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import OpenAI from 'openai';

import { collect, openai } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const client = openai(server);

const MODEL = 'gpt-3.5-turbo-instruct';

function complete(options = {}) {
  return client.completions.create({ model: MODEL, prompt: 'Hello', ...options });
}

test('a text is completed as of old', async () => {
  const completion = await complete();
  assert.deepEqual([completion.object, completion.model], ['text_completion', MODEL]);
  assert.match(completion.id, /^cmpl-[0-9A-Za-z]{29}$/);
  const [{ text, index, finish_reason }] = completion.choices;
  assert.deepEqual([text, index, finish_reason], ['You said: Hello', 0, 'stop']);
  assert.equal(completion.usage.total_tokens, 4);
});

test('a completion is streamed', async () => {
  const chunks = await collect(await complete({ stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0].text).join(''), 'You said: Hello');
  assert.equal(chunks.at(-1).choices[0].finish_reason, 'stop');
});

test('each of several prompts is completed', async () => {
  const { choices } = await complete({ prompt: ['one', 'two'], n: 2 });
  assert.deepEqual(
    choices.map((choice) => [choice.index, choice.text]),
    [
      [0, 'You said: one'],
      [1, 'You said: one (2)'],
      [2, 'You said: two'],
      [3, 'You said: two (2)'],
    ],
  );
});

test('sixteen tokens are the limit unless one is given', async () => {
  const [choice] = (await complete({ prompt: 'word '.repeat(30) })).choices;
  assert.deepEqual([choice.text, choice.finish_reason], [`You said:${' word'.repeat(14)}`, 'length']);
});

test('texts are judged', async () => {
  const { results } = await client.moderations.create({ input: ['Hello', 'I will kill them'] });
  assert.deepEqual(
    results.map((result) => [result.flagged, result.categories.violence]),
    [
      [false, false],
      [true, true],
    ],
  );
  assert.ok(results[1].category_scores.violence > results[0].category_scores.violence);
});

test('what is not there to be judged is refused', async () => {
  const error = await thrown(() => client.moderations.create({}));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.equal(error.param, 'input');
});
