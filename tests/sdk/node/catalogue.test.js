import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bless, changes, outcomes } from './catalogue.js';
import { start } from './server.js';

test('the SDKs do with the catalogue what they did before', { timeout: 600_000 }, async () => {
  await using hurried = await start('--scenario', '*', '--time-scale', '0');
  await using unhurried = await start('--scenario', '*');
  const found = await outcomes(hurried.url, unhurried.url);
  if (process.env.MYNAH_BLESS === '1') return bless(found);
  const changed = await changes(found, hurried.url, unhurried.url);
  assert.deepEqual(changed, [], 'changed, or never noted: scripts/catalogue');
});
