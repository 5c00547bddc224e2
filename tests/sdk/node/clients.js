// The official SDKs, pointed at a server the way its users would do it.

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import OpenAI from 'openai';

export function openai(server, options = {}) {
  return new OpenAI({ apiKey: 'sk-any', baseURL: `${server.url}/v1`, ...options });
}

/** OpenAI's SDK at Google's endpoints for it. */
export function openaiAtGoogle(server, options = {}) {
  return openai(server, { baseURL: `${server.url}/v1beta/openai/`, ...options });
}

export function gemini(server, { apiKey = 'any', ...httpOptions } = {}) {
  return new GoogleGenAI({ apiKey, httpOptions: { baseUrl: server.url, ...httpOptions } });
}

export function anthropic(server, options = {}) {
  return new Anthropic({ apiKey: 'any', baseURL: server.url, maxRetries: 0, ...options });
}

export const GPT = 'gpt-4o';
export const GEMINI = 'gemini-2.5-flash';
export const CLAUDE = 'claude-sonnet-4-6';

/** One user message, as most tests send it. */
export function said(content) {
  return [{ role: 'user', content }];
}

export async function collect(stream) {
  return Array.fromAsync(stream);
}
