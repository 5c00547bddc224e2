// Starts the real binary for a test and ends it afterwards.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REPO = path.resolve(import.meta.dirname, '../../..');
const PATIENCE = 10_000;

function binary() {
  const file = process.env.MYNAH_BIN ?? path.join(REPO, 'target/debug/mynah');
  if (!existsSync(file)) {
    throw new Error(`no binary at ${file}: run "cargo build", or set MYNAH_BIN`);
  }
  return file;
}

/** A running `mynah serve` with these further flags. */
export async function start(...flags) {
  const program = binary();
  const folder = mkdtempSync(path.join(tmpdir(), 'mynah-'));
  const [portFile, output, errors] = ['port', 'out', 'err'].map((name) => path.join(folder, name));
  // Files instead of pipes: what was printed before the port file appeared is
  // there to be read, without waiting.
  const streams = [output, errors].map((file) => openSync(file, 'w'));
  const arguments_ = ['serve', '--port', '0', '--port-file', portFile, '--log', 'off', ...flags];
  const child = spawn(program, arguments_, { stdio: ['ignore', ...streams] });
  streams.forEach(closeSync);
  const ended = new Promise((resolve) => {
    child.once('exit', resolve);
    child.once('error', resolve);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  const stop = async () => {
    kill();
    await ended;
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    const port = await Promise.race([appears(portFile), ended]);
    if (child.exitCode !== null || typeof port !== 'string') {
      throw new Error(`${program} did not start: ${readFileSync(errors, 'utf8') || port}`);
    }
    const base = flags.includes('--base-path') ? flags[flags.indexOf('--base-path') + 1] : '';
    return {
      url: `http://127.0.0.1:${port}${base}`,
      banner: readFileSync(output, 'utf8'),
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function appears(file) {
  for (const deadline = Date.now() + PATIENCE; Date.now() < deadline; await sleep(2)) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.endsWith('\n')) return text.trim();
  }
  throw new Error(`${file} did not appear within ${PATIENCE} ms`);
}
