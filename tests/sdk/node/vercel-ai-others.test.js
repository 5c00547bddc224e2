import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { embed, embedMany, generateImage, generateText, streamText } from 'ai';

import { collect } from './clients.js';
import { start } from './server.js';
import { compatibleProvider, googleProvider, openaiProvider } from './vercel-ai.js';

const server = await start();
after(server.stop);

const EMBEDDINGS = {
  openai: [openaiProvider(server).textEmbeddingModel('text-embedding-3-small'), 1536],
  compatible: [compatibleProvider(server).textEmbeddingModel('text-embedding-3-small'), 1536],
  google: [googleProvider(server).textEmbeddingModel('gemini-embedding-001'), 3072],
};

for (const [name, [model, dimensions]] of Object.entries(EMBEDDINGS)) {
  test(`${name}: a text has a vector`, async () => {
    const { embedding } = await embed({ model, value: 'Hello' });
    assert.equal(embedding.length, dimensions);
    assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-4);
  });

  test(`${name}: each of many texts has its own`, async () => {
    const { embeddings } = await embedMany({ model, values: ['one', 'two', 'one'] });
    assert.deepEqual(embeddings[0], embeddings[2]);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
  });
}

for (const [name, provider] of Object.entries({ openai: openaiProvider, compatible: compatibleProvider })) {
  test(`${name}: pictures are drawn`, async () => {
    const model = provider(server).imageModel('dall-e-3');
    const { images } = await generateImage({ model, prompt: 'A parrot', n: 2, size: '1024x1024' });
    assert.deepEqual(
      images.map((image) => image.mediaType),
      ['image/png', 'image/png'],
    );
  });

  test(`${name}: texts are completed as of old`, async () => {
    const { completion, completionModel } = provider(server);
    const model = (completion ?? completionModel)('gpt-3.5-turbo-instruct');
    const { text, finishReason } = await generateText({ model, prompt: 'Hello' });
    assert.ok(text.includes('Hello'), text);
    assert.equal(finishReason, 'stop');
    const streamed = await collect(streamText({ model, prompt: 'Hello' }).textStream);
    assert.equal(streamed.join(''), text);
  });
}
