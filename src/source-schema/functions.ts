// Every function that we install in a source database: what it takes and returns, and which rights it needs. The bodies are in sql/;
// a test compares these lists with what PostgreSQL says is installed.
//
// Schema changefeed is closed to everybody but its owner. `needs` says what a role would need besides USAGE on the schema.

/**
 * A right of a role. Only a superuser may set deadlock_timeout, or from PostgreSQL 15 on a role with GRANT SET ON PARAMETER. A
 * SECURITY DEFINER function runs with the rights of its owner.
 */
export type Right = 'owner of the schema' | 'owner of the publication' | 'SET deadlock_timeout'

export type SqlType = 'oid' | 'oid[]' | 'jsonb' | 'text' | 'integer' | 'boolean' | 'text[]'

export interface SourceFunction {
  readonly does: string
  /** The types of the parameters, in order. */
  readonly parameters: Readonly<Record<string, SqlType>>
  /** A value, or the columns of rows; undefined: nothing is returned. */
  readonly returns?: SqlType | 'SETOF oid' | 'trigger' | 'event_trigger' | Readonly<Record<string, SqlType>>
  /** `one row`: the columns are OUT parameters. */
  readonly rows?: 'one row' | 'any'
  readonly isSecurityDefiner?: true
  /** All of these together; undefined: any role may call the function. */
  readonly needs?: readonly Right[]
}

const ours = ['owner of the schema'] as const
const oursAndLocks = ['owner of the schema', 'SET deadlock_timeout'] as const

/** The functions that the server calls. `call.ts` makes the calls. */
export const calledFunctions = {
  describe: { does: 'describes a table as JSON', parameters: { relation: 'oid' }, returns: 'jsonb', needs: ours },
  distrust: {
    does: 'says that changes may be missing that were written until now',
    parameters: { reason: 'text' },
    needs: ours,
  },
  hindrance: {
    does: 'the publication of somebody else with which UPDATEs of the table would fail under REPLICA IDENTITY FULL',
    parameters: { relation: 'oid' },
    returns: 'text',
  },
  hold_types: {
    does: 'keeps types as they are until the transaction ends, or changes them alone',
    parameters: { types: 'oid[]', alone: 'boolean' },
    needs: oursAndLocks,
  },
  is_incomplete: {
    does: 'whether UPDATEs and DELETEs of the table leave values or keys out of the WAL now',
    parameters: { relation: 'oid' },
    returns: 'boolean',
    needs: ours,
  },
  look: {
    does: 'finds watched tables that were changed or dropped without an event trigger having seen it',
    parameters: { after: 'oid', most: 'integer', told: 'oid[]' },
    returns: { next: 'oid', are_done: 'boolean', missed: 'oid[]', names: 'text' },
    rows: 'one row',
    needs: oursAndLocks,
  },
  lost: {
    does: 'the watched tables whose rows are not all published',
    parameters: {},
    returns: { relid: 'oid', name: 'text' },
    rows: 'any',
    needs: ours,
  },
  mend: { does: 'repairs the publication', parameters: {}, needs: ['owner of the schema', 'owner of the publication'] },
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
  },
  publishes_all: {
    does: 'whether the publication publishes all kinds of changes, and descriptions',
    parameters: {},
    returns: 'boolean',
  },
  register: {
    does: 'describes a table in the list of watched tables',
    parameters: { relation: 'oid' },
    needs: oursAndLocks,
  },
  types_of: {
    does: 'the types made by users that a table consists of',
    parameters: { relation: 'oid' },
    returns: 'oid[]',
  },
} as const satisfies Readonly<Record<string, SourceFunction>>

/** The functions that only other functions and triggers call. */
export const innerFunctions = {
  changed_among: {
    does: 'of the watched tables that a command concerns those that it may have changed',
    parameters: { concerned: 'oid[]', relations: 'oid[]', touched: 'oid[]' },
    returns: 'oid[]',
    needs: ours,
  },
  columns_of: { does: 'the names of the columns of an index', parameters: { index: 'oid' }, returns: 'text[]' },
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
  forget_partition: {
    does: 'ends the watch of a table that is a partition of a watched table no longer',
    parameters: { relation: 'oid' },
    needs: oursAndLocks,
  },
  hold: {
    does: 'keeps writers out of a watched table until the transaction ends; if the table belongs to another role, it says that changes may be missing',
    parameters: { relation: 'oid', touched: 'oid[]' },
    needs: ['SET deadlock_timeout'],
  },
  is_being_detached: {
    does: 'whether DETACH PARTITION CONCURRENTLY of the table is not complete',
    parameters: { relation: 'oid' },
    returns: 'boolean',
  },
  join_partition: {
    does: 'takes a new partition of a watched table into the list of watched tables',
    parameters: { relation: 'oid', may_have_rows: 'boolean' },
    needs: oursAndLocks,
  },
  keep_complete: {
    does: 'gives a watched table REPLICA IDENTITY FULL if it needs it, or refuses the command',
    parameters: { relation: 'oid', old_identity: 'text', may_refuse: 'boolean' },
    needs: oursAndLocks,
  },
  key_index: {
    does: 'the index that gives the key of a table',
    parameters: { relation: 'oid' },
    returns: 'oid',
    needs: ours,
  },
  lasting: {
    does: 'a description without what VACUUM FULL changes',
    parameters: { description: 'jsonb' },
    returns: 'jsonb',
  },
  lockers: {
    does: 'who has a lock on one of our tables, for messages',
    parameters: { relation: 'oid' },
    returns: 'text',
  },
  look_at: {
    does: 'writes the description of a watched table if it has changed',
    parameters: { relation: 'oid', why: 'text', touched: 'oid[]' },
    needs: oursAndLocks,
  },
  moved_partitions: {
    does: 'the tables that have become partitions of watched tables, and those that are none any more',
    parameters: { relations: 'oid[]' },
    returns: { joined: 'oid[]', parted: 'oid[]' },
    rows: 'one row',
    needs: ours,
  },
  needs_full: {
    does: 'whether UPDATEs and DELETEs of the table can leave values or keys out of the WAL without REPLICA IDENTITY FULL',
    parameters: { relation: 'oid' },
    returns: 'boolean',
    needs: ours,
  },
  on_ddl: { does: 'sees DDL and dropped objects', parameters: {}, returns: 'event_trigger', isSecurityDefiner: true },
  on_publication: {
    does: 'protects the publication, and refuses publications that would make writes to watched tables fail',
    parameters: {},
    returns: 'event_trigger',
    isSecurityDefiner: true,
  },
  on_rewrite: {
    does: 'counts how often ALTER TABLE has written a watched table again',
    parameters: {},
    returns: 'event_trigger',
    isSecurityDefiner: true,
  },
  only_ours: { does: 'lets only their owner write to our tables', parameters: {}, returns: 'trigger' },
  open_list: {
    does: 'locks the list of watched tables, or says who keeps it locked',
    parameters: { to_write: 'boolean' },
  },
  print_of: {
    does: 'the part of a description that decides how values print',
    parameters: { description: 'jsonb' },
    returns: 'jsonb',
  },
  published: {
    does: 'whether all rows of the table are published, with all columns',
    parameters: { relation: 'oid' },
    returns: 'boolean',
  },
  reads_otherwise: {
    does: 'whether rows are read otherwise by one description than by the other',
    parameters: { fresh: 'jsonb', old: 'jsonb' },
    returns: 'boolean',
  },
  refuse_hindrance: {
    does: 'refuses the command that led to a hindrance',
    parameters: { relation: 'oid', publication: 'text' },
  },
  row_types: {
    does: 'of these relations the row types that columns or other types may consist of',
    parameters: { relations: 'oid[]' },
    returns: 'oid[]',
  },
  type_modifier: { does: 'the modifier that a domain gives', parameters: { type: 'oid' }, returns: 'integer' },
  type_shape: { does: 'describes a type as JSON', parameters: { type: 'oid' }, returns: 'jsonb' },
  types_in: {
    does: 'the types made by users that these types consist of, and themselves',
    parameters: { types: 'oid[]' },
    returns: 'oid[]',
  },
  uses: {
    does: 'which tables use the types, and in which columns, for messages',
    parameters: { relations: 'oid[]', types: 'oid[]' },
    returns: 'text',
  },
} as const satisfies Readonly<Record<string, SourceFunction>>

export const functions = { ...calledFunctions, ...innerFunctions } as const

export type FunctionName = keyof typeof functions

export const functionNames = (Object.keys(functions) as readonly FunctionName[]).toSorted()

/** Functions of earlier versions that are gone. */
export const formerFunctions = ['emit'] as const
