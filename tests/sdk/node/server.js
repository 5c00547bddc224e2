// Starts the real binary for a test and ends it afterwards.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const REPOSITORY = path.resolve(import.meta.dirname, '../../..');
const PATIENCE = 10_000;

export function binary() {
  const file = process.env.MYNAH_BIN ?? path.join(REPOSITORY, 'target/debug/mynah');
  if (!existsSync(file)) {
    throw new Error(`no binary at ${file}: run "cargo build", or set MYNAH_BIN`);
  }
  return file;
}

/**
 * A running `mynah serve` with these further flags: where it listens, what it
 * printed, and how to stop it (which `await using` does by itself).
 */
export function start(...flags) {
  return run('serve', ...flags);
}

/** The same of another command that serves; `finish` tells it to end, which it does well. */
export async function run(command, ...flags) {
  const program = binary();
  const folder = mkdtempSync(path.join(tmpdir(), 'mynah-'));
  const [portFile, output, errors] = ['port', 'out', 'err'].map((name) => path.join(folder, name));
  // Files instead of pipes: what was printed before the port file appeared is
  // there to be read, without waiting.
  const streams = [output, errors].map((file) => openSync(file, 'w'));
  const arguments_ = [command, '--port', '0', '--port-file', portFile, '--log', 'off', ...flags];
  const child = spawn(program, arguments_, { stdio: ['ignore', ...streams] });
  streams.forEach(closeSync);

  let end;
  const ended = new Promise((resolve) => {
    const note = (reason) => resolve((end = `${reason}\n${readFileSync(errors, 'utf8')}`));
    child.once('error', note);
    child.once('exit', (code, signal) => note(`ended with ${signal ?? code}`));
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    kill();
    await ended;
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  };

  const finish = async () => {
    child.kill('SIGTERM');
    const reason = await ended;
    await stop();
    if (!reason.startsWith('ended with 0\n')) throw new Error(`${program} ${command} ${reason}`);
  };

  const deadline = Date.now() + PATIENCE;
  let port = '';
  while (!port.endsWith('\n')) {
    if (end !== undefined || Date.now() > deadline) {
      await stop();
      throw new Error(`${program} did not start: ${end}`);
    }
    await sleep(2);
    port = existsSync(portFile) ? readFileSync(portFile, 'utf8') : '';
  }
  const prefix = flags.includes('--base-path') ? flags[flags.indexOf('--base-path') + 1] : '';
  return {
    url: `http://127.0.0.1:${port.trim()}${prefix}`,
    banner: readFileSync(output, 'utf8'),
    stop,
    finish,
    [Symbol.asyncDispose]: stop,
  };
}
