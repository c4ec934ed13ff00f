// The functions in a source database that the server calls. `call.ts` makes the calls.

import type { SourceFunction } from './function-facts.ts'

const anyRole = ['any role'] as const
const ours = ['owner of the schema'] as const
const oursAndLocks = ['owner of the schema', 'SET deadlock_timeout'] as const
const oursAndTable = ['owner of the schema', 'owner of the table', 'SET deadlock_timeout'] as const

export const calledFunctions = {
  describe: {
    does: 'describes a table as JSON',
    parameters: { relation: 'oid' },
    returns: 'jsonb',
    needs: ours,
  },
  distrust: {
    does: 'says that changes may be missing that were written until now',
    parameters: { reason: 'text' },
    returns: 'void',
    needs: ours,
  },
  hindrance: {
    does: 'the publication of somebody else with which UPDATEs of the table would fail under REPLICA IDENTITY FULL',
    parameters: { relation: 'oid' },
    returns: 'text',
    needs: anyRole,
  },
  hold_types: {
    does: 'keeps types as they are until the transaction ends, or changes them alone',
    parameters: { types: 'oid[]', alone: 'boolean' },
    returns: 'void',
    needs: oursAndLocks,
  },
  look: {
    does: 'finds watched tables that were changed or dropped without an event trigger having seen it',
    parameters: { after: 'oid', most: 'integer', told: 'oid[]' },
    returns: { next: 'oid', are_done: 'boolean', missed: 'oid[]', names: 'text' },
    rows: 'one row',
    needs: oursAndTable,
  },
  lost: {
    does: 'the watched tables whose rows are not all published',
    parameters: {},
    returns: { relid: 'oid', name: 'text' },
    rows: 'any',
    needs: ours,
  },
  mend: {
    does: 'repairs the publication',
    parameters: {},
    returns: 'void',
    needs: ['owner of the schema', 'owner of the publication'],
  },
  missed: {
    does: 'of these watched tables the ones whose rows may have been read wrongly',
    parameters: { relations: 'oid[]' },
    returns: { relid: 'oid', name: 'text' },
    rows: 'any',
    needs: ours,
  },
  published_among: {
    does: 'of these tables the ones of which all rows are published, with all columns',
    parameters: { relations: 'oid[]' },
    returns: 'SETOF oid',
    needs: anyRole,
  },
  publishes_all: {
    does: 'whether the publication publishes all kinds of changes, and descriptions',
    parameters: {},
    returns: 'boolean',
    needs: anyRole,
  },
  register: {
    does: 'describes a table in the list of watched tables',
    parameters: { relation: 'oid' },
    returns: 'void',
    needs: oursAndLocks,
  },
  types_of: {
    does: 'the types made by users that a table consists of',
    parameters: { relation: 'oid' },
    returns: 'oid[]',
    needs: anyRole,
  },
} as const satisfies Readonly<Record<string, SourceFunction>>
