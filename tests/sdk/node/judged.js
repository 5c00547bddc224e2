// Makes calls of an SDK, as a program under `mynah run` would: where the server is, and which key it
// takes, stands in the environment. What comes of each call is printed.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { generateText } from 'ai';
import OpenAI from 'openai';

import { CLAUDE, GEMINI, GPT, said } from './clients.js';
import { major } from './generation.js';

/** How each library is asked, which gives what is answered. */
const ASK = {
  async openai({ prompt, stream = false, options }) {
    const client = new OpenAI({ logLevel: 'off', ...options });
    const answer = await client.chat.completions.create({ model: GPT, messages: said(prompt), stream });
    if (!stream) return answer.choices[0].message.content;
    return joined(answer, (chunk) => chunk.choices[0]?.delta.content);
  },

  async '@anthropic-ai/sdk'({ prompt, stream = false, options }) {
    const client = new Anthropic({ logLevel: 'off', ...options });
    const asked = { model: CLAUDE, max_tokens: 1000, messages: said(prompt), stream };
    const answer = await client.messages.create(asked);
    return stream ? joined(answer, (event) => event.delta?.text) : answer.content[0].text;
  },

  async '@google/genai'({ prompt, stream = false, options }) {
    const { models } = new GoogleGenAI({ httpOptions: options });
    const asked = { model: GEMINI, contents: prompt };
    if (stream) return joined(await models.generateContentStream(asked), (chunk) => chunk.text);
    return (await models.generateContent(asked)).text;
  },

  /** Here a session is called by the way of its model. */
  async ai({ prompt, session, options }) {
    const model = MODELS[session]({ headers: { 'x-mynah-session': session } });
    return (await generateText({ model, prompt, ...options })).text;
  },
};

const { OPENAI_BASE_URL, OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_BASE_URL, ANTHROPIC_BASE_URL } = process.env;
const COMPATIBLE = { name: 'compatible', baseURL: OPENAI_BASE_URL, apiKey: OPENAI_API_KEY };
const GOOGLE = { baseURL: GOOGLE_GENERATIVE_AI_BASE_URL };
// Unlike Anthropic's own SDK it wants the version in it.
const ANTHROPIC = { baseURL: `${ANTHROPIC_BASE_URL}/v1` };

const MODELS = {
  chat: (options) => createOpenAI(options).chat(GPT),
  responses: (options) => createOpenAI(options)(GPT),
  compatible: (options) => createOpenAICompatible({ ...COMPATIBLE, ...options })(GPT),
  google: (options) => createGoogleGenerativeAI({ ...GOOGLE, ...options })(GEMINI),
  anthropic: (options) => createAnthropic({ ...ANTHROPIC, ...options })(CLAUDE),
};

async function joined(stream, text) {
  let all = '';
  for await (const item of stream) all += text(item) ?? '';
  return all;
}

/** What is answered, or what is thrown: its name and its status. */
async function outcome(call) {
  try {
    return await call;
  } catch (error) {
    const { status, statusCode } = error.lastError ?? error;
    return `${error.name} ${status ?? statusCode ?? ''}`.trim();
  }
}

/** All of it, a few at a time; the first alone, as it takes longest. */
async function each(items, act) {
  const [first, ...others] = items;
  await act(first);
  const rest = others.values();
  const worker = async () => {
    for (const item of rest) await act(item);
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const [library, told] = process.argv.slice(2);
const calls = JSON.parse(told);
await each(calls, async (call) => {
  const made = Array.from({ length: call.times }, () => outcome(ASK[library](call)));
  call.outcomes = await Promise.all(made);
});
console.log(JSON.stringify({ generation: major(library), calls }));
