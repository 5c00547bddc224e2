// Preloaded, it puts the generation before in the place of each SDK: `node --import ./previous.js`.

import { registerHooks } from 'node:module';

const PREVIOUS = {
  '@ai-sdk/anthropic': '@ai-sdk/anthropic-3',
  '@ai-sdk/google': '@ai-sdk/google-3',
  '@ai-sdk/openai': '@ai-sdk/openai-3',
  '@ai-sdk/openai-compatible': '@ai-sdk/openai-compatible-2',
  '@anthropic-ai/sdk': '@anthropic-ai/sdk-0',
  '@google/genai': '@google/genai-2',
  ai: 'ai-6',
  openai: 'openai-6',
};

registerHooks({
  resolve(specifier, context, next) {
    const name = specifier.match(/^(@[^/]+\/)?[^/]+/)?.[0];
    // What the SDKs themselves ask for is theirs.
    const ours = !context.parentURL?.includes('/node_modules/');
    const put = ours && PREVIOUS[name];
    return next(put ? put + specifier.slice(name.length) : specifier, context);
  },
});
