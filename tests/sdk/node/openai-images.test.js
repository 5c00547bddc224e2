import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { inflateSync } from 'node:zlib';

import OpenAI from 'openai';

import { openai } from './clients.js';
import { thrown } from './refused.js';
import { start } from './server.js';

const server = await start();
after(server.stop);
const { images } = openai(server);

const prompt = 'A parrot';

/** Width and height of a PNG of one bit a pixel in one chunk of data. */
function size(png) {
  assert.equal(png.toString('latin1', 1, 4), 'PNG');
  const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
  const start = png.indexOf('IDAT');
  const pixels = inflateSync(png.subarray(start + 4, start + 4 + png.readUInt32BE(start - 4)));
  assert.equal(pixels.length, height * (1 + Math.ceil(width / 8)));
  return `${width}x${height}`;
}

test('pictures are as many and as large as asked for', async () => {
  const request = { prompt, n: 3, size: '1536x1024', response_format: 'b64_json' };
  const { created, data } = await images.generate(request);
  assert.ok(created > 1_600_000_000);
  assert.deepEqual(data.map((image) => size(Buffer.from(image.b64_json, 'base64'))), Array(3).fill('1536x1024'));
});

test('a URL can be fetched without a network', async () => {
  const { data } = await images.generate({ model: 'dall-e-3', prompt });
  const picture = await fetch(data[0].url);
  assert.equal(picture.headers.get('content-type'), 'image/png');
  assert.equal(size(Buffer.from(await picture.arrayBuffer())), '1024x1024');
});

test('a size that is none is refused', async () => {
  const error = await thrown(() => images.generate({ prompt, size: 'large' }));
  assert.ok(error instanceof OpenAI.BadRequestError, `${error}`);
  assert.equal(error.param, 'size');
});
