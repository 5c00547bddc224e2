// Whether what the server made up is valid under the schema that it was given.

import assert from 'node:assert/strict';

import { Ajv2020 } from 'ajv/dist/2020.js';

const COUNTS = /^(min|max)(Items|Length|Properties)$/;

/** Fails unless `value` is valid under a JSON Schema or a Gemini `Schema`. */
export function assertValid(schema, value) {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile(asJsonSchema(schema));
  validate(value);
  assert.equal(validate.errors, null, `${JSON.stringify(value)}: ${ajv.errorsText(validate.errors)}`);
}

/** Gemini spells types in capitals and counts as texts; zod names a draft that ajv would look up. */
function asJsonSchema(schema) {
  return JSON.parse(JSON.stringify(schema), (keyword, value) => {
    if (keyword === '$schema') return undefined;
    if (typeof value !== 'string') return value;
    if (keyword === 'type') return value.toLowerCase();
    return COUNTS.test(keyword) ? Number(value) : value;
  });
}

export const PERSON = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 1 },
    age: { type: 'integer', minimum: 18, maximum: 99 },
    role: { enum: ['admin', 'guest'] },
    address: {
      type: 'object',
      properties: { street: { type: 'string' }, zip: { type: 'string', pattern: '^[0-9]{4}$' } },
      required: ['street', 'zip'],
      additionalProperties: false,
    },
    tags: { type: 'array', items: { type: 'string' }, minItems: 2, uniqueItems: true },
  },
  required: ['name', 'age', 'role', 'address', 'tags'],
  additionalProperties: false,
};

/** Contains itself, by a pointer to the whole. */
export const TREE = {
  type: 'object',
  properties: { label: { type: 'string' }, children: { type: 'array', items: { $ref: '#' } } },
  required: ['label', 'children'],
  additionalProperties: false,
};

/** Contains itself, by two definitions that take turns. */
export const FILES = {
  $ref: '#/$defs/folder',
  $defs: {
    folder: {
      type: 'object',
      properties: {
        kind: { const: 'folder' },
        entries: { type: 'array', items: { anyOf: [{ $ref: '#/$defs/folder' }, { $ref: '#/$defs/file' }] } },
      },
      required: ['kind', 'entries'],
      additionalProperties: false,
    },
    file: {
      type: 'object',
      properties: {
        kind: { const: 'file' },
        parent: { anyOf: [{ $ref: '#/$defs/folder' }, { type: 'null' }] },
      },
      required: ['kind', 'parent'],
      additionalProperties: false,
    },
  },
};

/** Every other keyword that callers are likely to use. */
export const ODDITIES = {
  type: 'object',
  properties: {
    exclusive: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
    even: { type: 'integer', multipleOf: 2, minimum: 3 },
    pair: {
      type: 'array',
      prefixItems: [{ type: 'string' }, { type: 'boolean' }],
      items: false,
      minItems: 2,
    },
    either: { oneOf: [{ type: 'string', maxLength: 3 }, { type: 'integer' }] },
    all: {
      allOf: [{ $ref: '#/$defs/named' }, { properties: { size: { type: 'integer' } }, required: ['size'] }],
    },
    optional: { type: ['string', 'null'] },
    map: { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 },
    when: { type: 'string', format: 'date-time' },
    id: { type: 'string', pattern: '^[A-Z]{2}-\\d+$', minLength: 8, maxLength: 10 },
  },
  required: ['exclusive', 'even', 'pair', 'either', 'all', 'optional', 'map', 'when', 'id'],
  additionalProperties: false,
  $defs: { named: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] } },
};
