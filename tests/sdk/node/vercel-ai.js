// The models of Vercel's AI SDK, each by the way that it takes to the server.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';

import { CLAUDE, GEMINI, GPT } from './clients.js';

export function openaiProvider(server) {
  return createOpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any' });
}

export function compatibleProvider(server) {
  return createOpenAICompatible({
    name: 'compatible',
    baseURL: `${server.url}/v1`,
    apiKey: 'any',
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
}

export function googleProvider(server) {
  return createGoogleGenerativeAI({ baseURL: `${server.url}/v1beta`, apiKey: 'any' });
}

export function anthropicProvider(server) {
  return createAnthropic({ baseURL: `${server.url}/v1`, apiKey: 'any' });
}

/** Makes each model for a server, by the name of its way. */
export const MODELS = {
  responses: (server) => openaiProvider(server)(GPT),
  chat: (server) => openaiProvider(server).chat(GPT),
  compatible: (server) => compatibleProvider(server)(GPT),
  google: (server) => googleProvider(server)(GEMINI),
  anthropic: (server) => anthropicProvider(server)(CLAUDE),
};
