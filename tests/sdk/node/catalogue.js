// What an SDK makes of each row of the catalogue of streaming failures.
//
// An outcome is a short text: what was said, how it ended, and what was thrown. What the SDKs
// did when last asked stands in `scenarios/streaming/outcomes.json`, by row and by client.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { streamText } from 'ai';
import OpenAI from 'openai';

import { version } from './generation.js';
import { binary } from './server.js';

const OUTCOMES = path.resolve(import.meta.dirname, '../../../scenarios/streaming/outcomes.json');

// Milliseconds that a client waits for a piece, and that it is waited for. Who does otherwise
// than before is asked again, and waited for longer: a busy machine is not the SDK's doing.
const PATIENCE = 1500;
const LIMIT = 5000;
const SLACK = 10;
// Those that try again wait in between.
const RETRY_LIMIT = 12_000;
const LONGEST_TEXT = 60;
const AT_ONCE = 8;

/** The rows of tier 1 that can be served, as the program lists them. */
function rows() {
  const listed = execFileSync(binary(), ['scenarios', '--tier', '1', '--format', 'json'], { maxBuffer: 1 << 24 });
  return JSON.parse(listed).filter((row) => row.needs === null);
}

const shown = (text) => (text.length > LONGEST_TEXT ? `${[...text].length} characters` : JSON.stringify(text));

/** What came of a stream so far. */
class Outcome {
  text = '';
  calls = [];
  ends = [];
  odd = [];

  told(trouble) {
    const parts = this.text === '' ? [] : [shown(this.text)];
    parts.push(...this.calls.map((call) => `call ${shown(call)}`), ...this.odd, ...new Set(this.ends));
    if (this.ends.length === 0 && trouble === undefined) parts.push('no end, no error');
    if (trouble !== undefined) parts.push(trouble);
    return parts.join(', ');
  }
}

const messages = [{ role: 'user', content: 'Hello' }];

const openai = ({ url, patience, retries }) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', timeout: patience, maxRetries: retries });

async function chatIterator(asked, outcome) {
  const calls = new Map();
  for await (const chunk of await openai(asked).chat.completions.create({ model: asked.model, messages, stream: true })) {
    if (chunk === null) outcome.odd.push('a chunk that is null');
    for (const choice of chunk?.choices ?? []) {
      outcome.text += choice.delta?.content ?? '';
      for (const call of choice.delta?.tool_calls ?? []) {
        const told = calls.get(call.index) ?? ['', ''];
        const given = call.function?.arguments ?? '';
        calls.set(call.index, [
          told[0] + (call.function?.name ?? ''),
          told[1] + (typeof given === 'string' ? given : JSON.stringify(given)),
        ]);
        outcome.calls = [...calls.values()].map((parts) => parts.join(' '));
      }
      if (typeof choice.finish_reason === 'string') outcome.ends.push(`finish ${shown(choice.finish_reason)}`);
    }
  }
}

async function chatHelper(asked, outcome) {
  const stream = openai(asked).chat.completions.stream({ model: asked.model, messages });
  stream.on('content', (delta) => (outcome.text += delta));
  for (const choice of (await stream.finalChatCompletion()).choices) {
    outcome.calls = (choice.message.tool_calls ?? []).map((call) => `${call.function.name} ${call.function.arguments}`);
    if (typeof choice.finish_reason === 'string') outcome.ends.push(`finish ${shown(choice.finish_reason)}`);
  }
}

function responseEvent(event, outcome) {
  if (event?.type === 'response.output_text.delta') outcome.text += event.delta;
  if (/^response\.(completed|incomplete|failed)$/.test(event?.type)) outcome.ends.push(event.type.slice(9));
  if (event?.type === 'error') outcome.odd.push('an event of type error');
}

async function responseIterator(asked, outcome) {
  const stream = await openai(asked).responses.create({ model: asked.model, input: 'Hello', stream: true });
  for await (const event of stream) responseEvent(event, outcome);
}

async function responseHelper(asked, outcome) {
  const stream = openai(asked).responses.stream({ model: asked.model, input: 'Hello' });
  for await (const event of stream) responseEvent(event, outcome);
  await stream.finalResponse();
}

async function gemini(asked, outcome) {
  const client = new GoogleGenAI({ apiKey: 'any', httpOptions: { baseUrl: asked.url, timeout: asked.patience } });
  for await (const chunk of await client.models.generateContentStream({ model: asked.model, contents: 'Hello' })) {
    if (chunk.promptFeedback?.blockReason) outcome.ends.push(`block ${chunk.promptFeedback.blockReason}`);
    for (const candidate of chunk.candidates ?? []) {
      for (const part of candidate.content?.parts ?? []) {
        outcome.text += part.text ?? '';
        if (part.functionCall) {
          outcome.calls.push(`${part.functionCall.name} ${JSON.stringify(part.functionCall.args)}`);
        }
      }
      if (candidate.finishReason) outcome.ends.push(`finish ${shown(candidate.finishReason)}`);
    }
  }
}

const anthropic = ({ url, patience, retries }) =>
  new Anthropic({ baseURL: url, apiKey: 'any', timeout: patience, maxRetries: retries });

function messageEvent(event, outcome) {
  if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') outcome.text += event.delta.text;
  if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') {
    outcome.calls = [outcome.calls.join('') + event.delta.partial_json];
  }
  if (event.type === 'message_delta' && event.delta.stop_reason) {
    outcome.ends.push(`stop_reason ${shown(event.delta.stop_reason)}`);
  }
}

async function messageIterator(asked, outcome) {
  const request = { model: asked.model, messages, max_tokens: 1024, stream: true };
  for await (const event of await anthropic(asked).messages.create(request)) messageEvent(event, outcome);
}

async function messageHelper(asked, outcome) {
  const stream = anthropic(asked).messages.stream({ model: asked.model, messages, max_tokens: 1024 });
  for await (const event of stream) messageEvent(event, outcome);
  await stream.finalMessage();
}

const vercel = (provider) => async ({ url, model, retries, limit }, outcome) => {
  const { fullStream } = streamText({
    model: provider(url)(model),
    prompt: 'Hello',
    maxRetries: retries,
    abortSignal: AbortSignal.timeout(limit - 1000),
    onError() {},
  });
  for await (const part of fullStream) {
    if (part.type === 'text-delta') outcome.text += part.text;
    if (part.type === 'tool-call') outcome.calls.push(`${part.toolName} ${JSON.stringify(part.input)}`);
    if (part.type === 'error') outcome.odd.push(`error part ${part.error?.name ?? typeof part.error}`);
    if (part.type === 'abort') outcome.odd.push('aborted');
    if (part.type === 'finish') outcome.ends.push(`finish ${shown(part.finishReason)}`);
  }
};

const compatible = (url) => createOpenAICompatible({ name: 'mynah', baseURL: `${url}/v1`, apiKey: 'any' });
const vercelOpenai = (url) => createOpenAI({ baseURL: `${url}/v1`, apiKey: 'any' });
const vercelGoogle = (url) => createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey: 'any' });
const vercelAnthropic = (url) => createAnthropic({ baseURL: `${url}/v1`, apiKey: 'any' });

const OF_OPENAI = `openai-node ${version('openai')}`;
const OF_ANTHROPIC = `anthropic-node ${version('@anthropic-ai/sdk')}`;
const OF_VERCEL = `ai ${version('ai')}`;

/** Each client, and the API that it speaks. */
const CLIENTS = {
  [`${OF_OPENAI} iterator`]: ['openai.chat', chatIterator],
  [`${OF_OPENAI} stream()`]: ['openai.chat', chatHelper],
  [`${OF_OPENAI} responses iterator`]: ['openai.responses', responseIterator],
  [`${OF_OPENAI} responses stream()`]: ['openai.responses', responseHelper],
  [`@google/genai ${version('@google/genai')}`]: ['gemini', gemini],
  [`${OF_ANTHROPIC} iterator`]: ['anthropic', messageIterator],
  [`${OF_ANTHROPIC} stream()`]: ['anthropic', messageHelper],
  [`${OF_VERCEL} openai-compatible`]: ['openai.chat', vercel(compatible)],
  [`${OF_VERCEL} openai responses`]: ['openai.responses', vercel((url) => vercelOpenai(url).responses)],
  [`${OF_VERCEL} google`]: ['gemini', vercel(vercelGoogle)],
  [`${OF_VERCEL} anthropic`]: ['anthropic', vercel(vercelAnthropic)],
};

/** The clients that a row is about; for those about any API, the two that it began with. */
function askedOf(row) {
  const apis = row.api.includes('any') ? ['openai.chat', 'gemini'] : row.api;
  return Object.keys(CLIENTS).filter((name) => apis.includes(CLIENTS[name][0]));
}

async function outcomeOf(url, row, name, slack = 1) {
  const outcome = new Outcome();
  const retries = row.layer === 'retry' ? 2 : 0;
  const limit = (retries ? RETRY_LIMIT : LIMIT) * slack;
  // Each has a session of its own, as some rows count.
  const own = `${url}/s/${row.id}-${name.replaceAll(/[ /@()]/g, '-')}-${slack}`;
  const asked = { url: own, model: `mynah-${row.id}`, retries, limit, patience: PATIENCE * slack };
  const ended = CLIENTS[name][1](asked, outcome).then(
    () => outcome.told(),
    (error) => outcome.told(error?.constructor?.name ?? String(error)),
  );
  let timer;
  const waited = new Promise((resolve) => {
    timer = setTimeout(() => resolve(outcome.told('still waiting')), limit);
  });
  const told = await Promise.race([ended, waited]);
  clearTimeout(timer);
  return told;
}

// Rows that need their times: without them, idle connections would be reset at once, and
// clients keep those for whatever they ask next.
const IN_THEIR_OWN_TIME = ['http-stale-keepalive-reset'];

const serverOf = (row, hurried, unhurried) => (IN_THEIR_OWN_TIME.includes(row.id) ? unhurried : hurried);

/** What each client does with each row that it is about, asked of servers without and with its times. */
export async function outcomes(hurried, unhurried) {
  const asked = rows().flatMap((row) => askedOf(row).map((name) => ({ row, name })));
  const next = asked[Symbol.iterator]();
  const work = async () => {
    for (const one of next) one.outcome = await outcomeOf(serverOf(one.row, hurried, unhurried), one.row, one.name);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return asked;
}

const known = () => (existsSync(OUTCOMES) ? JSON.parse(readFileSync(OUTCOMES, 'utf8')) : {});

/** What of it is otherwise than it was before, also when asked again. */
export async function changes(found, hurried, unhurried) {
  const before = known();
  const changed = [];
  for (const { row, name, outcome } of found) {
    const noted = before[row.id]?.[name];
    if (outcome === noted) continue;
    const again = await outcomeOf(serverOf(row, hurried, unhurried), row, name, SLACK);
    if (again !== noted) changed.push(`${row.id}, ${name}: ${again}; before: ${noted}`);
  }
  return changed;
}

/** Notes what was seen. */
export function bless(found) {
  const noted = known();
  for (const { row, name, outcome } of found) (noted[row.id] ??= {})[name] = outcome;
  const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
  const ordered = sorted(noted);
  for (const row of Object.keys(ordered)) ordered[row] = sorted(ordered[row]);
  writeFileSync(OUTCOMES, `${JSON.stringify(ordered, null, 2)}\n`);
}
