// What a server must have for a logical slot: the level of its WAL, a free slot, a free WAL sender, and a role that may replicate. Each
// lack is found before PostgreSQL's own error, and has the statement to run. The same lacks explain PostgreSQL's errors when
// they come later.

import { shownName, shownString } from '../core/quote.ts'
import { FeedError } from '../errors/feed-error.ts'
import { readProvider, type Provider } from './provider.ts'
import type { Queries } from './queries.ts'

export interface SlotRoom {
  readonly walLevel: string
  /** Another wal_level is in the configuration, and PostgreSQL has not been restarted. */
  readonly isRestartPending: boolean
  readonly maxSlots: number
  readonly usedSlots: number
  /** A logical slot of somebody else that nobody reads now; null: none. */
  readonly idleSlot: string | null
  /** Our slot of this database exists. */
  readonly hasOurs: boolean
  readonly maxWalsenders: number
  readonly usedWalsenders: number
  readonly role: string
}

export interface Lack {
  readonly what: string
  readonly remedy: string
}

const noRight = '42501'
const inHba = 'allow connections for replication of this role and address in pg_hba.conf'

const roomSql = `SELECT json_build_object(
  'walLevel', current_setting('wal_level'), 'isRestartPending', (SELECT pending_restart FROM pg_settings WHERE name = 'wal_level'),
  'maxSlots', current_setting('max_replication_slots')::int, 'usedSlots', (SELECT count(*) FROM pg_replication_slots),
  'idleSlot', (SELECT min(slot_name) FROM pg_replication_slots WHERE NOT active AND slot_type = 'logical' AND NOT starts_with(slot_name, 'pg_changefeed_')),
  'hasOurs', EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'pg_changefeed_' || (SELECT oid FROM pg_database WHERE datname = current_database())),
  'maxWalsenders', current_setting('max_wal_senders')::int, 'usedWalsenders', (SELECT count(*) FROM pg_stat_replication),
  'role', current_user)::text`

export async function readSlotRoom(connection: Queries): Promise<SlotRoom> {
  const [row] = await connection.query(roomSql)
  return JSON.parse(row?.[0] ?? '') as SlotRoom
}

/** Undefined: the WAL has what logical decoding needs. */
export function lackOfWalLevel({ walLevel, isRestartPending }: SlotRoom, provider: Provider): Lack | undefined {
  if (walLevel === 'logical') return undefined
  if (isRestartPending)
    return { what: `wal_level is ${walLevel}, and another one waits for a restart`, remedy: 'restart PostgreSQL' }
  return { what: `wal_level is ${walLevel}, which has no logical decoding`, remedy: provider.logical }
}

/** Undefined: so many slots are free. */
export function lackOfSlots(room: SlotRoom, wanted: number, provider: Provider): Lack | undefined {
  const { maxSlots, usedSlots, idleSlot } = room
  const free = maxSlots - usedSlots
  if (free >= wanted) return undefined
  const drop =
    idleSlot === null
      ? ''
      : `; or, if nobody needs that slot any more: SELECT pg_drop_replication_slot(${shownString(idleSlot)})`
  return {
    what: `${freeText(free, 'replication slot')}: ${usedSlots} of max_replication_slots = ${maxSlots} are in use`,
    remedy: `${provider.setting('max_replication_slots', String(maxSlots + 4), 'restart')}${drop}`,
  }
}

/** Undefined: so many WAL senders are free. */
export function lackOfWalsenders(room: SlotRoom, wanted: number, provider: Provider): Lack | undefined {
  const { maxWalsenders, usedWalsenders } = room
  const free = maxWalsenders - usedWalsenders
  if (free >= wanted) return undefined
  return {
    what: `${freeText(free, 'WAL sender')}: ${usedWalsenders} of max_wal_senders = ${maxWalsenders} are in use`,
    remedy: `${provider.setting('max_wal_senders', String(maxWalsenders + 4), 'restart')}; SELECT pid, application_name FROM pg_stat_replication lists who uses them`,
  }
}

/** `error`: of the connection that was refused. */
export function lackOfReplication(role: string, error: FeedError, provider: Provider): Lack {
  // Its cause has PostgreSQL's own words, without the address.
  const { message } = error.cause instanceof FeedError ? error.cause : error
  return {
    what: `role ${shownName(role)} may not replicate: ${message}`,
    remedy: error.sqlstate === noRight ? provider.replication(role) : (error.hint ?? inHba),
  }
}

/** What keeps our slot of this database from being read, or made if it does not exist. */
export async function lacksForSlot(connection: Queries): Promise<readonly (Lack & { readonly sqlstate: string })[]> {
  const room = await readSlotRoom(connection)
  const isFull = room.usedSlots >= room.maxSlots && !room.hasOurs
  if (room.walLevel === 'logical' && !isFull && room.usedWalsenders < room.maxWalsenders) return []
  const provider = await readProvider(connection)
  const lacks = [
    ['55000', lackOfWalLevel(room, provider)],
    ['53400', isFull ? lackOfSlots(room, 1, provider) : undefined],
    ['53300', lackOfWalsenders(room, 1, provider)],
  ] as const
  return lacks.flatMap(([sqlstate, lack]) => (lack === undefined ? [] : [{ ...lack, sqlstate }]))
}

/** Throws if something of that is lacking. */
export async function checkSlotRoom(connection: Queries): Promise<void> {
  const [lack] = await lacksForSlot(connection)
  if (lack !== undefined) throw refusal(lack, lack.sqlstate)
}

/**
 * Returns the error to throw in place of one of PostgreSQL, about a connection for replication or the creation of a slot.
 * `connection` is another one, which works.
 */
export async function explainSlotError(error: unknown, connection: Queries): Promise<unknown> {
  if (!(error instanceof FeedError) || !/^(?:42501|53300|53400|55000)$/.test(error.sqlstate)) return error
  try {
    const room = await readSlotRoom(connection)
    const provider = await readProvider(connection)
    const lack = lackBehind(error, room, provider)
    return lack === undefined ? error : refusal(lack, error.sqlstate, error)
  } catch {
    return error
  }
}

function lackBehind(error: FeedError, room: SlotRoom, provider: Provider): Lack | undefined {
  switch (error.sqlstate) {
    case noRight:
      return lackOfReplication(room.role, error, provider)
    case '53300':
      return lackOfWalsenders(room, 1, provider)
    case '53400':
      return lackOfSlots(room, 1, provider)
    default:
      return lackOfWalLevel(room, provider)
  }
}

function refusal({ what, remedy }: Lack, sqlstate: string, cause?: FeedError): FeedError {
  return new FeedError('FEED_SOURCE_REFUSED', what, {
    sqlstate,
    hint: remedy,
    ...(cause === undefined ? {} : { detail: cause.message, cause }),
  })
}

function freeText(free: number, what: string): string {
  return free <= 0 ? `no ${what} is free` : `only ${free} ${what}${free === 1 ? ' is' : 's are'} free`
}
