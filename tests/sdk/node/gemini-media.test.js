import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inflateSync } from 'node:zlib';

import { Modality, createPartFromBase64, createPartFromUri } from '@google/genai';

import { GEMINI, collect, gemini } from './clients.js';
import { start } from './server.js';
import { ATTACHMENT, count } from './tokens.js';

const server = await start();
after(server.stop);
const { models } = gemini(server);

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

function request(contents, responseModalities) {
  return { model: 'gemini-2.5-flash-image', contents, config: { responseModalities } };
}

/** The chunks of a PNG, by type. */
function pngChunks(png) {
  assert.deepEqual([...png.subarray(0, 8)], PNG_SIGNATURE);
  const chunks = {};
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks[png.toString('latin1', at + 4, at + 8)] = png.subarray(at + 8, at + 8 + length);
    at += length + 12;
  }
  return chunks;
}

function assertRealPng({ mimeType, data }) {
  assert.equal(mimeType, 'image/png');
  const { IHDR, IDAT, IEND } = pngChunks(Buffer.from(data, 'base64'));
  assert.equal(IHDR.length, 13);
  const [width, height] = [IHDR.readUInt32BE(0), IHDR.readUInt32BE(4)];
  assert.ok(width > 0 && height > 0, `${width}x${height}`);
  const [depth, colour] = [IHDR[8], IHDR[9]];
  const channels = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colour];
  const line = 1 + Math.ceil((width * channels * depth) / 8);
  assert.equal(inflateSync(IDAT).length, line * height);
  assert.equal(IEND.length, 0);
}

test('an image is drawn beside the text', async () => {
  const response = await models.generateContent(request('A parrot', [Modality.TEXT, Modality.IMAGE]));
  const [text, image, ...rest] = response.candidates[0].content.parts;
  assert.equal(text.text, 'You said: A parrot');
  assertRealPng(image.inlineData);
  assert.deepEqual(rest, []);
  assert.equal(response.usageMetadata.candidatesTokenCount, count('You said: A parrot') + ATTACHMENT);
});

test('an image comes alone where it is wanted alone', async () => {
  const response = await models.generateContent(request('A parrot', ['image']));
  const [image, ...rest] = response.candidates[0].content.parts;
  assertRealPng(image.inlineData);
  assert.deepEqual(rest, []);
  assert.equal(response.usageMetadata.candidatesTokenCount, ATTACHMENT);
});

test('a streamed image comes whole behind the text', async () => {
  const chunks = await collect(await models.generateContentStream(request('Hi', ['TEXT', 'IMAGE'])));
  const parts = chunks.flatMap((chunk) => chunk.candidates[0].content.parts);
  assert.deepEqual(
    parts.slice(0, -1).map((part) => part.text),
    ['You', ' said:', ' Hi'],
  );
  assertRealPng(parts.at(-1).inlineData);
  assert.equal(chunks.at(-1).candidates[0].finishReason, 'STOP');
});

test('a voice is a sound', async () => {
  const response = await models.generateContent(request('Say it', ['AUDIO']));
  const [{ inlineData }] = response.candidates[0].content.parts;
  assert.equal(inlineData.mimeType, 'audio/L16;codec=pcm;rate=24000');
  assert.ok(Buffer.from(inlineData.data, 'base64').length > 1000);
});

test('what is attached is named and counted by its kind', async () => {
  const response = await models.generateContent({
    model: GEMINI,
    contents: [
      'What?',
      createPartFromBase64('iVBORw0KGgo=', 'image/png'),
      createPartFromUri('https://generativelanguage.googleapis.com/v1beta/files/abc', 'application/pdf'),
      createPartFromBase64('UklGRg==', 'audio/wav'),
      createPartFromBase64('AAAA', 'video/mp4'),
    ],
  });
  assert.equal(response.text, 'You said: What? [image/png] [application/pdf] [audio/wav] [video/mp4]');
  const { promptTokenCount, promptTokensDetails } = response.usageMetadata;
  assert.equal(promptTokenCount, 1 + 4 * ATTACHMENT);
  assert.deepEqual(promptTokensDetails, [
    { modality: 'TEXT', tokenCount: 1 },
    { modality: 'IMAGE', tokenCount: ATTACHMENT },
    { modality: 'VIDEO', tokenCount: ATTACHMENT },
    { modality: 'AUDIO', tokenCount: ATTACHMENT },
    { modality: 'DOCUMENT', tokenCount: ATTACHMENT },
  ]);
});

test('an image that was drawn can be sent back', async () => {
  const drawn = await models.generateContent(request('A parrot', ['IMAGE']));
  const { inlineData } = drawn.candidates[0].content.parts[0];
  const response = await models.generateContent({
    model: GEMINI,
    contents: [createPartFromBase64(inlineData.data, inlineData.mimeType), 'What is it?'],
  });
  assert.equal(response.text, 'You said: What is it? [image/png]');
});
