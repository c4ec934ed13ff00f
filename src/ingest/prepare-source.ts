// Brings slot and log together at the start of an attempt: checks which database the source is and whether the slot continues
// the log, and makes a new slot if there is none. Changes that can never come are written into the log as a gap, before
// anything else.

import { nextHlc } from '../core/hlc.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { ChangelogKeeper, ChangelogWriter, LastTransaction } from '../changelog/changelog.ts'
import { explainWait } from '../postgres/explain-wait.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { explainSlotError } from '../postgres/slot-room.ts'
import { slotName } from '../source-schema/names.ts'
import { pgMicrosSql } from './pg-micros.ts'
import type { Queries } from '../postgres/queries.ts'
import { createSlot, keepForStandbys, readSlot, wasSlotRead } from './replication-slot.ts'
import { judgeSlot, type SlotFacts } from './source-check.ts'
import { askIdentity, askIdentityInSql, checkIdentity, keepIdentity, readIdentity } from './source-identity.ts'
import type { SourceKeeper } from './source-keeper.ts'
import { stampClosed } from './stamp.ts'

export interface PreparedSource {
  /** The token of the source now. If it changes, rows may be missing that the log does not know of. */
  readonly token: string
  readonly slot: string
  /** Which changes were lost; undefined: none. */
  readonly gap: string | undefined
  /** The slot's confirmed position if the log continues where it ended. */
  readonly confirmed: Lsn | undefined
}

export interface SourceAtHand {
  readonly log: ChangelogKeeper
  /** An ordinary connection. */
  readonly control: Queries
  /** A connection with replication=database, or one that may use the SQL functions for slots. */
  readonly replication: Pick<RawConnection, 'query' | 'backendPid'>
  readonly usesFunctions: boolean
  /** The processes of PostgreSQL that serve the connections of this server. */
  readonly ownPids: readonly number[]
  /** Called with what the creation of a slot waits for. */
  readonly waiting: (why: string) => void
  readonly writer: ChangelogWriter
  /** The last transaction of the log. */
  readonly last: LastTransaction
  readonly keeper: SourceKeeper
  /** The part of the log that recovery cut off because its bytes made no sense. */
  readonly damage: string | undefined
  /** PostgreSQL was started by this server, so that every slot with our name is ours. */
  readonly isOwnServer: boolean
  /** Why the source is not the one that the log was written from, if an earlier attempt has found that. */
  readonly copy: string | undefined
}

export async function prepareSource(at: SourceAtHand): Promise<PreparedSource> {
  const { log, control, replication, usesFunctions, writer, last, damage, keeper } = at
  const known = readIdentity(log)
  const { identity, wal } = await (usesFunctions
    ? askIdentityInSql(control, known)
    : askIdentity(control, replication, known))
  if (known !== undefined) checkIdentity(log, known, identity)
  const slot = slotName(identity.databaseOid)
  const { token, distrust } = await keeper.trust(control)
  const facts = await readSlot(control, slot, at.ownPids)
  const isSlotOurs = at.isOwnServer || (known?.slot === 'making' && (await isLeftOver(control, slot, facts)))
  let verdict = judgeSlot(slot, facts, wal, { durableEnd: writer.endLsn, last, damage, distrust, isSlotOurs })
  if (verdict.tag === 'stand-by')
    throw await standsBy(control, slot, { database: identity.database, reader: facts?.readerPid ?? null })
  if (verdict.tag === 'continue' && at.copy !== undefined) verdict = { tag: 'gap', goesOn: 'at the slot', gap: at.copy }
  if (verdict.tag === 'continue') {
    if (known?.timeline !== identity.timeline) keepIdentity(log, identity)
    await keepForStandbys({ control, replication, usesFunctions, slot })
    return { token, slot, gap: undefined, confirmed: facts?.confirmedLsn }
  }

  let from: Lsn
  if (verdict.tag === 'recreate') {
    if (verdict.drop) await replication.query(`SELECT pg_drop_replication_slot('${slot}')`)
    else keepIdentity(log, { ...identity, slot: 'making' })
    const explained = explainWait(control, replication, at.waiting)
    from = await createSlot({ control, replication, usesFunctions, slot })
      .catch(async (error: unknown) => {
        // PostgreSQL keeps no slot whose creation has failed, and another server may make one next.
        if (writer.endLsn === 0n) keepIdentity(log, { ...identity, slot: 'none' })
        throw await explainSlotError(error, control)
      })
      .finally(explained)
  } else if (verdict.goesOn === 'at the slot') {
    from = (await readSlot(control, slot, at.ownPids))?.confirmedLsn ?? writer.endLsn
  } else from = writer.endLsn
  if (verdict.gap !== undefined)
    writer.gap(nextHlc(writer.lastTimestamp), from, `${verdict.gap} (up to ${formatLsn(from)})`)
  const [micros] = await firstRow(control, `SELECT ${pgMicrosSql('clock_timestamp()')}`)
  writer.closed(stampClosed(writer.lastTimestamp, BigInt(micros ?? '0'), 0), from)
  await writer.flush()
  keepIdentity(log, identity)
  await keeper.afterGap(control, token)
  return { token, slot, gap: verdict.gap, confirmed: undefined }
}

/**
 * Whether the slot is what a crash of ours has left between making it and writing the first record. Another server may have made it after
 * the crash, if ours came before the slot was made. That one has read it, or reads it.
 */
async function isLeftOver(control: Queries, slot: string, facts: SlotFacts | undefined): Promise<boolean> {
  return facts !== undefined && facts.readerPid === null && !(await wasSlotRead(control, slot))
}

/** A server with another store reads the database, or did so until its store was lost. */
async function standsBy(
  control: Queries,
  slot: string,
  { database, reader }: { readonly database: string; readonly reader: number | null },
): Promise<FeedError> {
  const [row] = await control.query(
    `SELECT coalesce(host(client_addr), 'a unix socket') FROM pg_stat_activity WHERE pid = ${reader ?? 0}`,
  )
  const address = row?.[0] ?? 'somebody'
  const user = reader === null ? 'nobody uses it now' : `process ${reader} of PostgreSQL serves it now, to ${address}`
  const remedy =
    reader === null
      ? `so start that one; if its store is lost, SELECT pg_drop_replication_slot('${slot}') lets this server begin, and changefeeds that ran there must be created again with an initial scan`
      : 'and while it runs this one has nothing to do'
  return new FeedError(
    'FEED_SOURCE_REFUSED',
    `replication slot "${slot}" of database "${database}" was made by a server with another store (${user}): this server stands by`,
    {
      sqlstate: '55006',
      hint: `only the server with that store can continue without a gap, ${remedy}`,
    },
  )
}

async function firstRow(connection: Queries, sql: string): Promise<readonly (string | null)[]> {
  const row = (await connection.query(sql))[0]
  if (row === undefined) throw new FeedError('FEED_PROTOCOL', 'a query for facts about the source gave no row')
  return row
}
