// The functions in a source database that only other functions and triggers call.

import type { SourceFunction } from './function-facts.ts'

const anyRole = ['any role'] as const
const ours = ['owner of the schema'] as const
const oursAndTable = ['owner of the schema', 'owner of the table', 'SET deadlock_timeout'] as const

export const innerFunctions = {
  concerned: {
    does: 'the watched tables that a change of these relations and types concerns',
    parameters: { relations: 'oid[]', touched: 'oid[]' },
    returns: 'oid[]',
    needs: ours,
  },
  concerned_by_schemas: {
    does: 'the watched tables that a change of the name of these schemas concerns',
    parameters: { schemas: 'oid[]' },
    returns: 'oid[]',
    needs: ours,
  },
  hold: {
    does: 'keeps writers out of a watched table until the transaction ends',
    parameters: { relation: 'oid', touched: 'oid[]' },
    returns: 'void',
    needs: ['owner of the table', 'SET deadlock_timeout'],
  },
  is_incomplete: {
    does: 'whether UPDATEs and DELETEs of the table leave values or keys out of the WAL now',
    parameters: { relation: 'oid' },
    returns: 'boolean',
    needs: anyRole,
  },
  keep_complete: {
    does: 'gives a watched table REPLICA IDENTITY FULL if it needs it, or refuses the command',
    parameters: { relation: 'oid', old_identity: 'text', may_refuse: 'boolean' },
    returns: 'void',
    needs: oursAndTable,
  },
  lockers: {
    does: 'who has a lock on one of our tables, for messages',
    parameters: { relation: 'oid' },
    returns: 'text',
    needs: anyRole,
  },
  look_at: {
    does: 'writes the description of a watched table if it has changed',
    parameters: { relation: 'oid', why: 'text', touched: 'oid[]' },
    returns: 'void',
    needs: oursAndTable,
  },
  needs_full: {
    does: 'whether UPDATEs and DELETEs of the table can leave values or keys out of the WAL without REPLICA IDENTITY FULL',
    parameters: { relation: 'oid' },
    returns: 'boolean',
    needs: anyRole,
  },
  on_ddl: {
    does: 'sees DDL and dropped objects',
    parameters: {},
    returns: 'event_trigger',
    isSecurityDefiner: true,
    needs: anyRole,
  },
  on_publication: {
    does: 'protects the publication, and refuses publications that would make writes to watched tables fail',
    parameters: {},
    returns: 'event_trigger',
    isSecurityDefiner: true,
    needs: anyRole,
  },
  on_rewrite: {
    does: 'counts how often ALTER TABLE has written a watched table again',
    parameters: {},
    returns: 'event_trigger',
    isSecurityDefiner: true,
    needs: anyRole,
  },
  only_ours: {
    does: 'lets only their owner write to our tables',
    parameters: {},
    returns: 'trigger',
    needs: anyRole,
  },
  open_list: {
    does: 'locks the list of watched tables, or says who keeps it locked',
    parameters: { to_write: 'boolean' },
    returns: 'void',
    needs: anyRole,
  },
  print_of: {
    does: 'the part of a description that decides how values print',
    parameters: { description: 'jsonb' },
    returns: 'jsonb',
    needs: anyRole,
  },
  published: {
    does: 'whether all rows of the table are published, with all columns',
    parameters: { relation: 'oid' },
    returns: 'boolean',
    needs: anyRole,
  },
  reads_otherwise: {
    does: 'whether rows are read otherwise by one description than by the other',
    parameters: { fresh: 'jsonb', old: 'jsonb' },
    returns: 'boolean',
    needs: anyRole,
  },
  refuse_hindrance: {
    does: 'refuses the command that led to a hindrance',
    parameters: { relation: 'oid', publication: 'text' },
    returns: 'void',
    needs: anyRole,
  },
  row_types: {
    does: 'of these relations the row types that columns or other types may consist of',
    parameters: { relations: 'oid[]' },
    returns: 'oid[]',
    needs: anyRole,
  },
  type_shape: {
    does: 'describes a type as JSON',
    parameters: { type: 'oid' },
    returns: 'jsonb',
    needs: anyRole,
  },
  types_in: {
    does: 'the types made by users that these types consist of, and themselves',
    parameters: { types: 'oid[]' },
    returns: 'oid[]',
    needs: anyRole,
  },
  uses: {
    does: 'which tables use the types, and in which columns, for messages',
    parameters: { relations: 'oid[]', types: 'oid[]' },
    returns: 'text',
    needs: anyRole,
  },
} as const satisfies Readonly<Record<string, SourceFunction>>
