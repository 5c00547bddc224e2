// Which generation of each SDK the tests run with, and in what the generations differ. Every
// test runs in both: what one of them does otherwise stands here.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The version of a package, as this module would import it. */
export function version(name) {
  const [folder] = fileURLToPath(import.meta.resolve(name)).match(/.*\/node_modules\/(@[^/]+\/)?[^/]+/);
  return JSON.parse(readFileSync(`${folder}/package.json`)).version;
}

/** Its first number. */
export const major = (name) => parseInt(version(name));

export const OPENAI = major('openai');
export const GOOGLE = major('@google/genai');

// Older ones read no refusals that are lists, as Google's are for OpenAI's SDKs.
export const OPENAI_READS_LISTS = OPENAI >= 7;

export const AI = major('ai');

// How a stream of Vercel's ends that its server did not end.
export const AI_INTERRUPTED = AI >= 7 ? 'interrupted' : 'other';
