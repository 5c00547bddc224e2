import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bless, known, outcomes } from './catalogue.js';
import { start } from './server.js';

test('the SDKs do with the catalogue what they did before', { timeout: 300_000 }, async () => {
  await using hurried = await start('--scenario', '*', '--time-scale', '0');
  await using unhurried = await start('--scenario', '*');
  const found = await outcomes(hurried.url, unhurried.url);
  if (process.env.MYNAH_BLESS === '1') return bless(found);
  const before = known();
  const changed = [];
  for (const [row, clients] of Object.entries(found)) {
    for (const [client, outcome] of Object.entries(clients)) {
      const noted = before[row]?.[client];
      // What varies by nature is known by each of its forms.
      if (![noted].flat().includes(outcome)) changed.push(`${row}, ${client}: ${outcome}; before: ${noted}`);
    }
  }
  assert.deepEqual(changed, [], 'changed, or never noted: scripts/catalogue');
});
