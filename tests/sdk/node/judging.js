// Lets the SDKs do something under `mynah run`, and reads how that was judged.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';

import { major } from './generation.js';
import { binary } from './server.js';

const [CLIENT, PREVIOUS] = ['judged.js', 'previous.js'].map((name) => path.join(import.meta.dirname, name));

export const [MET, NOT_MET] = [0, 8];

/** What became of `mynah run` with these files, by their names, and this command. */
export async function judge(files, flags, command) {
  const folder = mkdtempSync(path.join(tmpdir(), 'mynah-judging-'));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    const reports = ['--report', 'text', '--report', 'json=report.json'];
    const child = spawn(binary(), ['run', ...flags, ...reports, '--', ...command], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    });
    const ended = new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    const [code, output, errors] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    const file = path.join(folder, 'report.json');
    return { code, output, errors, report: existsSync(file) ? JSON.parse(readFileSync(file)) : undefined };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** That of this machine, without what would lead an SDK elsewhere. */
function environment() {
  const foreign = /^(OPENAI|GOOGLE|GEMINI|ANTHROPIC|AI)_|_PROXY$|^NODE_(OPTIONS|TEST_CONTEXT)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** The command that makes calls of an SDK, of the same generation as these tests. */
function client(name, calls) {
  const isPrevious = process.execArgv.some((argument) => argument.endsWith('previous.js'));
  const flags = isPrevious ? ['--import', PREVIOUS] : [];
  return [process.execPath, ...flags, CLIENT, name, JSON.stringify(calls)];
}

/**
 * An SDK, of this `library`, does acts, each with what it gets (`then`), what is expected of it (`expect`), both in YAML, and
 * what comes of it (`outcome`); once more it does those that are held to what is `wrong`.
 */
export class Stage {
  constructor(library, acts, wrong, sessions = ['']) {
    Object.assign(this, { library, acts, wrong, sessions });
  }

  /** The sessions in which an act is done. */
  of(act) {
    return this.acts[act].sessions ?? this.sessions;
  }

  calls(acts) {
    return acts.flatMap((prompt) =>
      this.of(prompt).flatMap((session) => {
        const { options, stream, times = 1 } = this.acts[prompt];
        return { prompt, session, options, stream, times };
      }),
    );
  }

  run(acts, files = {}, flags = []) {
    const command = client(this.library, this.calls(acts));
    const played = Object.entries(this.acts).filter(([name]) => acts.includes(name));
    return judge({ 'acts.yaml': scenario(played), ...files }, ['acts.yaml', ...flags], command);
  }

  /** How all acts were judged. */
  get right() {
    return (this.rightly ??= this.run(Object.keys(this.acts)));
  }

  /** How those were judged that are held to what is wrong. */
  get wrongly() {
    const acts = [...new Set(Object.values(this.wrong).map(({ act }) => act))];
    const file = { 'wrong.yaml': expectations(this.wrong) };
    return (this.wronged ??= this.run(acts, file, ['--expect', 'wrong.yaml']));
  }

  async passes() {
    const { code, output, errors, report } = await this.right;
    assert.equal(code, MET, errors);
    assert.equal(JSON.parse(output).generation, major(this.library));
    assert.deepEqual([report.passed, report.unmatched, report.open], [true, 0, 0]);
    assert.match(errors, new RegExp(`^mynah: ${report.expectations.length} expectations met; `, 'm'));
  }

  /** An act was judged in all of its sessions, met what is expected of it, and came out as it is to. */
  async plays(act) {
    const { output, errors, report } = await this.right;
    const judged = report.expectations.filter(({ about }) => about === `acts/${act}`);
    assert.deepEqual([...new Set(judged.map(({ session }) => session))].sort(), [...this.of(act)].sort());
    for (const { passed, key, happened } of judged) assert.ok(passed, `${key}: ${happened}\n${errors}`);
    const calls = JSON.parse(output).calls.filter(({ prompt }) => prompt === act);
    for (const outcome of calls.flatMap(({ outcomes }) => outcomes)) {
      assert.match(outcome, this.acts[act].outcome ?? /^hello$/);
    }
  }

  async fails() {
    const { code, errors, report } = await this.wrongly;
    assert.equal(code, NOT_MET, errors);
    const failed = report.expectations.filter(({ passed }) => !passed).map(({ about, key }) => [about, key]);
    const wrong = Object.entries(this.wrong).map(([name, { key }]) => [name, key]);
    assert.deepEqual(new Map(failed), new Map(wrong), errors);
    assert.match(errors, new RegExp(`^mynah: ${failed.length} expectations? NOT met, `, 'm'));
  }

  /** What is wrong is told with its place, what was expected, and what happened. */
  async tells(name) {
    const { errors, report } = await this.wrongly;
    const { key, expected, happened } = this.wrong[name];
    const told = report.expectations.find(({ about }) => about === name);
    assert.equal(told.expected, expected);
    assert.match(told.happened, happened);
    assert.ok(told.attempts.length > 0);
    const line =
      1 +
      expectations(this.wrong)
        .split('\n')
        .findIndex((text) => text.includes(`"${name}"`));
    assert.deepEqual([told.file, told.line], ['wrong.yaml', line]);
    const session = told.session && ` in session ${told.session}`;
    const text = [
      `NOT MET ${name}: ${key}${session}`,
      `  at        wrong.yaml:${line}`,
      `  expected  ${expected}`,
      `  happened  ${told.happened}\n`,
    ];
    assert.ok(errors.includes(text.join('\n')), errors);
  }
}

/** A scenario with a stub for each act, known by its prompt. */
function scenario(acts) {
  const stubs = acts.map(
    ([name, { then, expect }]) =>
      `  - {name: "${name}", when: {prompt: "${name}"}, per: call, then: ${then}, expect: ${expect}}\n`,
  );
  return `scenario: 1\nname: acts\nexpect: {unmatched: 0}\nstubs:\n${stubs.join('')}`;
}

/** A file of expectations, each a line. */
function expectations(checks) {
  const lines = Object.entries(checks).map(
    ([name, { act, key, value }]) => `  - {name: "${name}", stub: "${act}", expect: {${key}: ${value}}}\n`,
  );
  return `expectations: 1\nchecks:\n${lines.join('')}`;
}
