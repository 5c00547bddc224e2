// The scenarios that are shipped, each served by a server of its own.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { GEMINI, GPT, collect, gemini, openai, said } from './clients.js';
import { start } from './server.js';

const FOLDER = path.resolve(import.meta.dirname, '../../../scenarios');

/** A server of these shipped scenarios, to be stopped, that hands out fresh sessions. */
export async function stage(...names) {
  const server = await start(...names.map((name) => path.join(FOLDER, `${name}.yaml`)));
  let sessions = 0;
  return { stop: server.stop, scene: () => scene({ url: `${server.url}/s/test-${(sessions += 1)}` }) };
}

/** A server of a scenario in these words. */
export async function play(words) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mynah-scenario-'));
  try {
    const file = path.join(folder, 'scenario.yaml');
    writeFileSync(file, words);
    return await start(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A session in which nothing was asked yet, and ways to ask. */
function scene(server) {
  return {
    openai: (options) => openai(server, { maxRetries: 0, ...options }),
    gemini: (options) => gemini(server, options),
    async askOpenai(prompt = 'Hello', request = {}, options = {}) {
      const messages = typeof prompt === 'string' ? said(prompt) : prompt;
      return this.openai(options).chat.completions.create({ model: GPT, messages, ...request });
    },
    async streamOpenai(prompt, request, options) {
      return collect(await this.askOpenai(prompt, { stream: true, ...request }, options));
    },
    async askGemini(contents = 'Hello', config = {}, options = {}) {
      return this.gemini(options).models.generateContent({ model: GEMINI, contents, config });
    },
    async streamGemini(contents = 'Hello', config = {}, options = {}) {
      const request = { model: GEMINI, contents, config };
      return collect(await this.gemini(options).models.generateContentStream(request));
    },
  };
}

/** What a completion says. */
export function content(completion) {
  return completion.choices[0].message.content;
}

/** The texts of OpenAI's chunks. */
export function pieces(chunks) {
  return chunks.flatMap((chunk) => chunk.choices).flatMap((choice) => choice.delta.content || []);
}

/** The texts of Gemini's chunks. */
export function texts(chunks) {
  return chunks.flatMap((chunk) => chunk.text || []);
}
