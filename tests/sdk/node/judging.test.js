// What the SDKs do about trouble meets what is expected of it under `mynah run`, and what they do not do is
// told.

import { test } from 'node:test';

import { Stage } from './judging.js';

const GRACE = '(give or take 0.010 s)';
const THROWN = /^\w*Error\b/;

/** Twice an error, and then an answer. */
const flaky = (error) => `[{error: ${error}, times: 2}, {text: hello}]`;

/** An error with such headers, and then an answer. */
const headed = (status, headers) =>
  `[{error: ${status}, wire: {head: {headers: {${headers}}}}}, {text: hello}]`;

/** Acts of being refused with each of these statuses. */
function refused(statuses, expect, how = (status) => `{error: ${status}}`) {
  return Object.fromEntries(statuses.map((status) => [`status ${status}`, { then: how(status), expect }]));
}

const ONCE = '{requests: 1, calls: 1, attempts: 1}';
const OBEYED = (wait) => `{attempts: 3, retry_after: obeyed, same: [body, key], gaps: ${wait}..}`;
const SOON = (status) => flaky(`{status: ${status}, retry_after: {ms: 50ms}}`);

// OpenAI's and Anthropic's are made by the same generator.
const STAINLESS = {
  hello: {
    then: '{text: hello}',
    expect: '{requests: 1, calls: 1, attempts: 1, connections: 1, left: never}',
  },
  'backing off': {
    then: flaky(429),
    // Half a second, doubled, less up to a quarter.
    expect:
      '{attempts: 3, same: [body, key], gaps: {backoff: {base: 500ms, jitter: -25%..900%}}, left: never}',
  },
  'a hint in milliseconds': { then: SOON(429), expect: OBEYED('0.05s') },
  'a hint in seconds': { then: flaky('{status: 429, retry_after: {seconds: 1s}}'), expect: OBEYED('1s') },
  'a hint as a date': {
    then: '[{error: {status: 429, retry_after: {date: 3s}}}, {text: hello}]',
    // Dates have no fractions of seconds.
    expect: '{attempts: 2, retry_after: obeyed, gaps: 2s..}',
  },
  ...refused([408, 409, 500, 501, 503, 529], OBEYED('0.05s'), SOON),
  ...Object.fromEntries(
    Object.entries(refused([400, 401, 402, 403, 404, 422], ONCE)).map(([name, act]) => [
      name,
      { ...act, outcome: THROWN },
    ]),
  ),
  'asked to try again': {
    then: headed(400, 'x-should-retry: "true", retry-after-ms: 50'),
    expect: '{attempts: 2, gaps: 0.05s..}',
  },
  'asked not to try again': { then: headed(429, 'x-should-retry: "false"'), expect: ONCE, outcome: THROWN },
  'told to try once': { then: SOON(429), expect: ONCE, options: { maxRetries: 0 }, outcome: THROWN },
  'told to try four times': {
    then: '[{error: {status: 429, retry_after: {ms: 50ms}}, times: 3}, {text: hello}]',
    expect: '{attempts: 4, retry_after: obeyed}',
    options: { maxRetries: 3 },
  },
  'cut before the head': {
    then: '{text: hello, wire: {end: {before: head, how: reset}}}',
    expect: '{attempts: 3, gaps: [0.375s.., 0.75s..]}',
    outcome: THROWN,
  },
  'slow to begin': {
    then: '{text: hello, pace: {head: 60s}}',
    expect: '{attempts: 2, left: 0.5s.., gaps: 0.375s..}',
    options: { timeout: 1000, maxRetries: 1 },
    outcome: THROWN,
  },
  stream: {
    then: '{text: [One, two], pace: {every: 20ms}}',
    expect: '{requests: 1, attempts: 1, left: never}',
    stream: true,
    outcome: /^Onetwo$/,
  },
  'a stream that is refused': { then: SOON(429), expect: OBEYED('0.05s'), stream: true },
  'a stream that breaks off': {
    then: '{text: [One, two], wire: {end: {after: text.1, how: reset}}}',
    expect: ONCE,
    stream: true,
    outcome: THROWN,
  },
  'a crowd': {
    then: '{text: hello, pace: {head: 500ms}}',
    expect: '{requests: 3, calls: 3, attempts: 1, concurrent: 3, connections: 3}',
    times: 3,
  },
};

const STAINLESS_WRONG = {
  'more attempts': {
    act: 'backing off',
    key: 'attempts',
    value: 5,
    expected: '5 attempts of each call',
    happened: /^the call was tried 3 times$/,
  },
  'longer gaps': {
    act: 'a hint in milliseconds',
    key: 'gaps',
    value: '20s..',
    expected: `gaps of 20.000 s or more ${GRACE}`,
    happened: /^gap 1 of call \d+ was \d+\.\d{3} s, where 20\.000 s or more was expected$/,
  },
  'a longer backoff': {
    act: 'backing off',
    key: 'gaps',
    value: '{backoff: {base: 20s, cap: 60s}}',
    expected: `gaps of 20.000 s, then 40.000 s, then 60.000 s, and so on ${GRACE}`,
    happened: /^gap 1 of call \d+ was \d+\.\d{3} s, where 20\.000 s was expected$/,
  },
  'a hint that is ignored': {
    act: 'a hint in seconds',
    key: 'retry_after',
    value: 'ignored',
    expected: 'not to wait as it was asked to',
    happened: /^it waited \d\.\d{3} s after `retry-after: 1`, as asked$/,
  },
  'a count that stays': {
    act: 'backing off',
    key: 'same',
    value: '[x-stainless-retry-count]',
    expected: 'the same x-stainless-retry-count in all attempts of a call',
    happened: /^`x-stainless-retry-count` of request \d+ is not that of request \d+$/,
  },
  'several connections': {
    act: 'hello',
    key: 'connections',
    value: 2,
    expected: '2 connections',
    happened: /^1 connection$/,
  },
};

const QUICKLY = { retryOptions: { attempts: 3, initialDelay: 0.01, maxDelay: 0.02, jitter: 0.01 } };
const HINTED = '{status: 429, retry_after: 30s}';

const GEMINI = {
  hello: { then: '{text: hello}', expect: '{requests: 1, calls: 1, attempts: 1, left: never}' },
  ...Object.fromEntries(
    Object.entries(refused([400, 401, 402, 404, 408, 429, 500, 503], ONCE)).map(([name, act]) => [
      name,
      { ...act, outcome: THROWN },
    ]),
  ),
  'told to try again': {
    then: flaky(503),
    expect: '{attempts: 3, same: [body, key]}',
    options: QUICKLY,
  },
  // What stands in the body is not looked at.
  'a hint': {
    then: flaky(HINTED),
    expect: '{attempts: 3, retry_after: ignored, gaps: ..20s}',
    options: QUICKLY,
  },
  ...Object.fromEntries(
    [400, 409, 501, 529].map((status) => [
      `told to try again, status ${status}`,
      { then: `{error: ${status}}`, expect: ONCE, options: QUICKLY, outcome: THROWN },
    ]),
  ),
  'cut before the head': {
    then: '{text: hello, wire: {end: {before: head, how: reset}}}',
    expect: ONCE,
    options: QUICKLY,
    outcome: THROWN,
  },
  'a stream that breaks off': {
    then: '{text: [One, two], wire: {end: {after: text.1, how: reset}}}',
    expect: ONCE,
    options: QUICKLY,
    stream: true,
    outcome: THROWN,
  },
};

const GEMINI_WRONG = {
  'attempts without being told': {
    act: 'status 429',
    key: 'attempts',
    value: 3,
    expected: '3 attempts of each call',
    happened: /^the call was tried once$/,
  },
  'a hint that is obeyed': {
    act: 'a hint',
    key: 'retry_after',
    value: 'obeyed',
    expected: `to wait as long as it was asked to, and at most a quarter or a second longer ${GRACE}`,
    happened: /^it waited \d+\.\d{3} s after `retryDelay: 30s`, where 30\.000 s to 37\.500 s was expected$/,
  },
  'more calls': {
    act: 'told to try again',
    key: 'calls',
    value: 3,
    expected: '3 calls',
    happened: /^1 call$/,
  },
};

const MODELS = ['chat', 'responses', 'compatible', 'google', 'anthropic'];
// There is no header for it in Google's dialect, and no other hint is looked at.
const HINTABLE = MODELS.filter((name) => name !== 'google');
const ONE_RETRY = { maxRetries: 1 };

const VERCEL = {
  hello: { then: '{text: hello}', expect: '{requests: 1, calls: 1, attempts: 1, left: never}' },
  // Two seconds, and then four.
  'backing off': {
    then: flaky(429),
    expect: '{attempts: 3, same: [body, key], gaps: [2s..8s, 4s..16s]}',
    sessions: ['chat'],
  },
  'backing off once': {
    then: '[{error: 503}, {text: hello}]',
    expect: '{attempts: 2, gaps: 2s..}',
    options: ONE_RETRY,
    sessions: ['google'],
  },
  'a hint in milliseconds': { then: SOON(429), expect: OBEYED('0.05s'), sessions: HINTABLE },
  'a hint in seconds': {
    then: flaky('{status: 429, retry_after: {seconds: 1s}}'),
    expect: OBEYED('1s'),
    sessions: HINTABLE,
  },
  'a hint of a minute': {
    then: '[{error: {status: 429, retry_after: {seconds: 60s}}}, {text: hello}]',
    expect: '{attempts: 2, retry_after: ignored, gaps: 2s..30s}',
    options: ONE_RETRY,
    sessions: ['chat'],
  },
  ...Object.fromEntries(
    Object.entries(refused([408, 409, 500, 503, 529], OBEYED('0.05s'), SOON)).map(([name, act]) => [
      name,
      { ...act, sessions: HINTABLE },
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(refused([400, 401, 402, 403, 404, 422], ONCE)).map(([name, act]) => [
      name,
      { ...act, outcome: /^AI_APICallError 4\d\d$/ },
    ]),
  ),
  'asked to try again': {
    then: headed(400, 'x-should-retry: "true"'),
    expect: ONCE,
    outcome: /^AI_APICallError 400$/,
  },
  'asked not to try again': {
    then: headed(429, 'x-should-retry: "false", retry-after-ms: 50'),
    expect: '{attempts: 2, gaps: 0.05s..}',
  },
  'refused for too long': {
    then: '{error: {status: 429, retry_after: {ms: 50ms}}}',
    expect: '{attempts: 3, retry_after: obeyed}',
    sessions: HINTABLE,
    outcome: /^AI_RetryError 429$/,
  },
  'told to try once': { then: SOON(429), expect: ONCE, options: { maxRetries: 0 }, outcome: /^AI_\w+ 429$/ },
};

const VERCEL_WRONG = {
  'more attempts': {
    act: 'refused for too long',
    key: 'attempts',
    value: 5,
    expected: '5 attempts of each call',
    happened: /^the call was tried 3 times$/,
  },
  'a hint that is ignored': {
    act: 'a hint in milliseconds',
    key: 'retry_after',
    value: 'ignored',
    expected: 'not to wait as it was asked to',
    happened: /^it waited \d\.\d{3} s after `retry-after-ms: 50`, as asked$/,
  },
  'longer gaps': {
    act: 'backing off once',
    key: 'gaps',
    value: '30s..',
    expected: `gaps of 30.000 s or more ${GRACE}`,
    happened: /^gap 1 of call \d+ was \d+\.\d{3} s, where 30\.000 s or more was expected$/,
  },
};

const STAGES = {
  openai: new Stage('openai', STAINLESS, STAINLESS_WRONG),
  anthropic: new Stage('@anthropic-ai/sdk', STAINLESS, STAINLESS_WRONG),
  gemini: new Stage('@google/genai', GEMINI, GEMINI_WRONG),
  vercel: new Stage('ai', VERCEL, VERCEL_WRONG, MODELS),
};

for (const [name, stage] of Object.entries(STAGES)) {
  test(`${name}: a client that does as expected passes`, () => stage.passes());

  for (const act of Object.keys(stage.acts)) {
    test(`${name}: it does as expected: ${act}`, () => stage.plays(act));
  }

  test(`${name}: a client that does not fails`, () => stage.fails());

  for (const wrong of Object.keys(stage.wrong)) {
    test(`${name}: what it does otherwise is told: ${wrong}`, () => stage.tells(wrong));
  }
}
