// Does something through a recording proxy, and again from what was recorded.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { CLAUDE, GEMINI, GPT, anthropic, gemini, openai, said } from './clients.js';
import { play } from './scenarios.js';
import { run, start } from './server.js';

export const KEY = 'sk-right-0123456789abcdef';

// What the upstream says.
const SCENARIO = `
scenario: 1
stubs:
  - {when: {prompt: reset}, then: {text: [One, " two", x], wire: {end: {after: text.2, how: reset}}}}
  - {when: {prompt: close}, then: {text: [One, " two", x], wire: {end: {after: text.2, how: close}}}}
  - when: {prompt: half}
    then: {text: [One, " two"], wire: {edit: {insert: {after: text.1, reply: {error: 503}}}}}
  - {when: {prompt: slow}, then: {text: [One, " two", " three"], pace: {every: 100ms}}}
  - {when: {prompt: packed}, then: {text: [One, " zwölf 🦜", " three"], wire: {encode: gzip}}}
  - when: {prompt: Wait}
    per: call
    then:
      - {error: {status: 429, retry_after: {ms: 10ms}}, times: 2}
      - {text: Thank you for waiting.}
  - {when: {prompt: Count}, per: session, then: [{text: One}, {text: Two}, {text: Three}, {text: Four}]}
  - when: {prompt: {contains: weather}, tools: get_weather, turn: 1}
    then: {parts: {call: {name: get_weather, args: {city: Zürich}}}}
  - {when: {tool_result: {get_weather: {contains: sunny}}}, then: {text: It is sunny in Zürich.}}
  - {when: {prompt: error 400}, then: {error: {status: 400, message: Nobody understands.}}}
  - {when: {prompt: error 401}, then: {error: 401}}
  - {when: {prompt: error 404}, then: {error: 404}}
  - {when: {prompt: error 429}, then: {error: {status: 429, retry_after: 10s}}}
  - {when: {prompt: error 500}, then: {error: 500}}
  - {when: {prompt: Who am I?}, then: {error: {status: 401, message: "Incorrect API key provided: ${KEY}."}}}
  - {when: {operation: [embed, images]}, then: {from: built_in}}
  - {then: {from: built_in}}
`;

/** Where recordings are made and played; it goes with all that was made. */
export class Studio {
  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'mynah-studio-'));
    this.cassettes = path.join(this.folder, 'cassettes');
  }

  /** What comes of doing something through the proxy, which then has ended, as has the upstream. */
  async record(act, ...flags) {
    await using upstream = await play(SCENARIO);
    const places = { openai: `${upstream.url}/v1`, gemini: upstream.url, anthropic: upstream.url };
    const upstreams = Object.entries(places).flatMap(([name, url]) => ['--upstream', `${name}=${url}`]);
    await using proxy = await run('record', ...upstreams, '--cassettes', this.cassettes, ...flags);
    const result = await act(proxy);
    await proxy.finish();
    assert.ok(!this.written().includes(KEY));
    return result;
  }

  /** What comes of doing something with the recordings alone. */
  async replay(act, ...flags) {
    const speed = flags.length ? flags : ['--speed', 'instant'];
    await using player = await start('--cassettes', this.cassettes, ...speed);
    // Not before it is done with is the player stopped.
    return await act(player);
  }

  /** What comes of doing something, recorded and replayed alike. */
  async twice(act, ...flags) {
    const recorded = await this.record(act, ...flags);
    const replayed = await this.replay(act);
    assert.deepEqual(seen(replayed), seen(recorded));
    return replayed;
  }

  names() {
    return readdirSync(this.cassettes).sort();
  }

  /** All that stands in the cassettes. */
  written() {
    return this.names()
      .map((name) => `${name}\n${readFileSync(path.join(this.cassettes, name), 'utf8')}`)
      .join('\n');
  }

  /** How many interactions were recorded. */
  count() {
    return this.written().match(/^cassette: 1$/gm).length;
  }

  [Symbol.dispose]() {
    rmSync(this.folder, { recursive: true });
  }
}

/** All that tests can see of results and errors, to be compared. */
function seen(value) {
  if (value instanceof Headers) return [...value];
  if (value instanceof Error) {
    // Not what it tells of sockets, whose ports differ.
    const names = ['name', 'message', 'status', 'code', 'type', 'error', 'requestID', 'headers', 'cause'];
    return [value.constructor.name, names.map((name) => seen(value[name]))];
  }
  if (Array.isArray(value)) return value.map(seen);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, seen(member)]));
  // It does not show.
  return value._request_id ? { ...members, _request_id: value._request_id } : members;
}

/** The items of a stream, and behind them what it ends with if it is not well. */
export async function untilEnd(stream) {
  const got = [];
  try {
    for await (const item of await stream()) got.push(item);
  } catch (error) {
    got.push(error);
  }
  return got;
}

// How each SDK is asked, whole and by stream, with a key that is to be kept.
export const PROVIDERS = {
  openai: {
    client: (server, options) => openai(server, { apiKey: KEY, maxRetries: 0, logLevel: 'off', ...options }),
    ask: (client, prompt, more) =>
      client.chat.completions.create({ model: GPT, messages: said(prompt), ...more }),
    stream: (client, prompt) =>
      client.chat.completions.create({ model: GPT, messages: said(prompt), stream: true }),
    patient: (maxRetries) => ({ maxRetries }),
  },
  gemini: {
    client: (server, options) => gemini(server, { apiKey: KEY, ...options }),
    ask: (client, contents, config = {}) =>
      client.models.generateContent({ model: GEMINI, contents, config }),
    stream: (client, contents) => client.models.generateContentStream({ model: GEMINI, contents }),
    patient: (retries) => ({
      retryOptions: { attempts: retries + 1, initialDelay: 0.01, maxDelay: 0.02, jitter: 0.01 },
    }),
  },
  anthropic: {
    client: (server, options) => anthropic(server, { apiKey: KEY, logLevel: 'off', ...options }),
    ask: (client, prompt, more) =>
      client.messages.create({ model: CLAUDE, max_tokens: 1000, messages: said(prompt), ...more }),
    stream: (client, prompt) =>
      client.messages.create({ model: CLAUDE, max_tokens: 1000, messages: said(prompt), stream: true }),
    patient: (maxRetries) => ({ maxRetries }),
  },
};
