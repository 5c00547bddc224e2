// What an SDK throws for a refusal.

import assert from 'node:assert/strict';

import { ApiError } from '@google/genai';

/** What `call` throws. */
export async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was refused' });
}

/** Google's error object, out of the message of what @google/genai throws. */
export async function googleError(call) {
  const error = await thrown(call);
  assert.ok(error instanceof ApiError, `${error}`);
  const { error: object } = JSON.parse(error.message);
  assert.equal(object.code, error.status);
  return object;
}

/** The same for streams: an error's body calls itself an event stream, so the SDK wraps its text. */
export async function googleStreamError(call) {
  const outer = await googleError(call);
  const { error: inner } = JSON.parse(outer.message);
  assert.equal(inner.code, outer.code);
  return { ...inner, reason: outer.status };
}
