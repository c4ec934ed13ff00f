// Makes the cut of an initial scan (snapshot.ts) and opens its tables for reading.
//
// A DDL that rewrites a table does not respect snapshots: the table would look empty in an older snapshot. Therefore the
// descriptions and files of the tables are read before the snapshot and again when the tables are locked; if they differ,
// the cut is made again. Changes of a type do not respect snapshots either, and they lock no table, so the types are locked
// as well while their rows are read.

import { setTimeout as delay } from 'node:timers/promises'
import type { Lsn } from '../core/lsn.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { RawConnection } from '../postgres/raw-connection.ts'
import { serverText, type ServerText } from '../postgres/server-text.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { CutTurn } from './cut-turn.ts'
import type { HeldSnapshot } from './held-cut.ts'
import { learnTypes } from './learn-types.ts'
import { lockAndRead, Locked, unlessLocked, whoHolds } from './lock-and-read.ts'

import type { BeginWindow } from './seen-snapshot.ts'
import { Connections, destroyAll, exportSnapshot, importSnapshot } from './snapshot.ts'
import {
  compositesOf,
  leavesOf,
  readFacts,
  type Composite,
  type ScanTable,
  type ScanTarget,
  type TableFacts,
} from './table-facts.ts'
import { TypeCheck } from './type-check.ts'

const attempts = 10
const mostDelayMs = 1000

/** Tables that can be read as of one snapshot. */
export interface OpenTables extends AsyncDisposable {
  /** The tables that have rows, by their own oids. */
  readonly tables: ReadonlyMap<number, ScanTable>
  /** Connections in transactions that use the snapshot and have locked the tables. */
  readonly readers: readonly RawConnection[]
  /** A connection that has locked nothing. */
  readonly control: RawConnection
  /** The encoding of the rows, if PostgreSQL does not convert them to UTF-8. */
  readonly text: ServerText | undefined
  /** Aborts when the connections are to be closed for somebody else who waits for a turn. */
  readonly taken?: AbortSignal | undefined
  readonly types: TypeCheck
  /** That the rows consist of. */
  readonly composites: readonly Composite[]
  /** Ends the transactions of the readers at once, whatever they do. */
  giveUp(): void
}

export interface Cut extends OpenTables {
  readonly point: Lsn
  /** On which `point` is. */
  readonly timeline: number
}

export interface CutOptions {
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  readonly connections: number
  readonly signal: AbortSignal
  /** Whether to try as long as tables change. Otherwise it fails after a few attempts, and who runs a statement hears of it. */
  readonly isPatient?: boolean
  /** Called from time to time with what the cut waits for. */
  readonly waiting?: ((why: string) => void) | undefined
  /** Finds the position of a snapshot where PostgreSQL does not say it. */
  readonly beginWindow?: BeginWindow | undefined
  /** Called before connections are opened. What it gives is disposed of when they are closed, also between two attempts. */
  readonly takeTurn?: () => Promise<CutTurn | undefined>
}

export async function openCut(options: CutOptions): Promise<Cut> {
  // Who waits for a lock may wait for long. But a table that changes all the time is reported.
  let busy = 0
  for (let attempt = 1; ; attempt++) {
    const cut = await tryCut(options, attempt)
    if (cut !== undefined && !(cut instanceof Locked)) return cut
    if (cut?.isEarly === true) busy += 1
    if (attempt - busy >= attempts && options.isPatient !== true) throw notFree(cut)
    if (attempt % attempts === 0)
      options.waiting?.(`waiting ${cut === undefined ? 'until no ALTER TABLE changes its tables' : `for ${cut.why}`}`)
    await beforeNext(attempt, options.signal)
  }
}

function notFree(locked: Locked | undefined): FeedError {
  const happened = locked === undefined ? 'the tables changed' : 'the tables or their types were locked by others'
  return new FeedError(
    'FEED_SOURCE_REFUSED',
    `${happened} during each of ${attempts} attempts to start their scan${locked === undefined ? '' : `, the last time by ${locked.why}`}`,
    { hint: 'start the changefeed when no ALTER TABLE runs on them' },
  )
}

async function beforeNext(attempt: number, signal: AbortSignal): Promise<void> {
  await delay(Math.min(50 * attempt, mostDelayMs), undefined, { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
}

/** Returns undefined if a DDL changed a table meanwhile. */
async function tryCut(options: CutOptions, attempt: number): Promise<Cut | Locked | undefined> {
  const { source, targets, connections, waiting, beginWindow } = options
  return opening(options, async (open) => {
    const control = await open.connect()
    const text = await serverText(control)
    const before = await whenFree(control, { source, targets, attempt })
    if (before instanceof Locked) return new Locked(before.why, true)
    const { keeper, point, timeline, name } = await exportSnapshot(open, { control, waiting, beginWindow })
    const readers = await openReaders(open, { name, connections, control, facts: before })
    if (readers === undefined) throw new FeedError('FEED_SOURCE_DOWN', 'the snapshot of the scan went away')
    if (readers instanceof Locked) return readers
    const after = await lockAndRead({ readers, control, source, targets, before })
    if (after === undefined || after instanceof Locked) return after
    if (targets.some(({ relid }) => before.get(relid)?.fingerprint !== after.get(relid)?.fingerprint)) return undefined
    await keeper.close()
    return { ...openTables({ facts: after, readers, control, source, text }), point, timeline }
  })
}

/**
 * Reads the facts of the tables. Where another session has a lock that keeps readers out, or waits for it, it passes first, except if
 * there has been some DDL for so many attempts.
 */
async function whenFree(
  control: RawConnection,
  { source, targets, attempt }: Pick<CutOptions, 'source' | 'targets'> & { readonly attempt: number },
): Promise<Map<number, TableFacts> | Locked> {
  const isPolite = attempt <= politeAttempts
  const leaves = [...(await leavesOf(control, targets)).values()].flat()
  const relids = [...targets.map(({ relid }) => relid), ...leaves]
  const deadline = Date.now() + passMs
  for (;;) {
    const holder = isPolite ? await whoHolds(control, undefined, relids) : undefined
    if (holder === undefined) break
    if (Date.now() > deadline) return holder
    await delay(againMs)
  }
  const facts = await unlessLocked([control], { control }, () => readFacts(control, source, targets))
  if (facts instanceof Locked || !isPolite) return facts
  return (await whoHolds(control, facts)) ?? facts
}

/** They take about ten seconds. */
const politeAttempts = 16
/** Short DDL is waited for with the connection that is open, and longer DDL without one. */
const passMs = 200
const againMs = 50

/**
 * Opens the tables of a cut that another connection holds. Returns undefined if it is not held any more, or if a DDL has made it
 * useless. If a table is locked by another session, this tries again, because a new cut could have other rows.
 */
export async function joinCut(held: HeldSnapshot, options: CutOptions): Promise<OpenTables | undefined> {
  const { signal, waiting } = options
  for (let attempt = 1; ; attempt++) {
    const joined = await tryJoin(held, options, attempt)
    if (!(joined instanceof Locked)) return joined
    if (attempt % joinsPerNotice === 1) waiting?.(`waiting for ${joined.why}`)
    await beforeNext(attempt, signal)
  }
}

const joinsPerNotice = 10

async function tryJoin(
  held: HeldSnapshot,
  options: CutOptions,
  attempt: number,
): Promise<OpenTables | Locked | undefined> {
  const { source, targets, connections } = options
  const isAsHeld = (facts: ReadonlyMap<number, TableFacts>): boolean =>
    targets.every(({ relid }) => held.fingerprints.get(relid) === facts.get(relid)?.fingerprint)
  return opening(options, async (open) => {
    const control = await open.connect()
    const text = await serverText(control)
    const before = await whenFree(control, { source, targets, attempt })
    if (before instanceof Locked) return before
    if (!isAsHeld(before)) return undefined
    const readers = await openReaders(open, { name: held.name, connections, control, facts: before })
    if (readers === undefined || readers instanceof Locked) return readers
    const facts = await lockAndRead({ readers, control, source, targets, before })
    // What is gone is seen by the next attempt.
    if (facts === undefined) return new Locked('a table that has another name now')
    if (facts instanceof Locked) return facts
    return isAsHeld(facts) ? openTables({ facts, readers, control, source, text }) : undefined
  })
}

/** Closes the connections of `work` if it throws, if it opens no tables, or if the signal aborts now or later. */
async function opening<T extends OpenTables>(
  { source, signal, takeTurn }: CutOptions,
  work: (open: Connections) => Promise<T | Locked | undefined>,
): Promise<T | Locked | undefined> {
  const turn = await takeTurn?.()
  const open = new Connections(source, signal)
  let opened: T | Locked | undefined
  try {
    opened = await work(open)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    if (opened === undefined || opened instanceof Locked) {
      open[Symbol.dispose]()
      open.destroy()
      turn?.[Symbol.dispose]()
    }
  }
  if (opened === undefined || opened instanceof Locked) return opened
  const { readers, control, types } = opened
  return {
    ...opened,
    taken: turn?.taken,
    async [Symbol.asyncDispose](): Promise<void> {
      open[Symbol.dispose]()
      await Promise.all([
        types[Symbol.asyncDispose](),
        ...[control, ...readers].map((connection) => connection.close()),
      ])
      turn?.[Symbol.dispose]()
    },
  }
}

interface Readers {
  /** Of the snapshot. */
  readonly name: string
  readonly connections: number
  readonly control: RawConnection
  readonly facts: ReadonlyMap<number, TableFacts>
}

/** Returns undefined if the snapshot is gone. */
async function openReaders(
  open: Connections,
  { name, connections, control, facts }: Readers,
): Promise<RawConnection[] | Locked | undefined> {
  const composites = compositesOf(facts).map(({ type }) => type)
  const readers: RawConnection[] = []
  for (let i = 0; i < connections; i++) {
    const reader = await open.connect()
    readers.push(reader)
    const learnt = await unlessLocked([reader], { control, facts }, () => learnTypes(reader, composites))
    if (learnt instanceof Locked) return learnt
    if (!(await importSnapshot(reader, name))) return undefined
  }
  return readers
}

interface Opened extends Pick<OpenTables, 'readers' | 'control' | 'text'> {
  readonly source: SourceConnection
  readonly facts: ReadonlyMap<number, TableFacts>
}

function openTables({ facts, readers, control, source, text }: Opened): OpenTables {
  const tables = new Map<number, ScanTable>()
  for (const { tables: some } of facts.values()) {
    for (const { description, root, pages, file } of some)
      tables.set(description.relid, { description, root, pages, file })
  }
  const giveUp = (): void => destroyAll(readers)
  const types = new TypeCheck(source, facts)
  const composites = compositesOf(facts)
  return { tables, readers, control, text, types, composites, giveUp, [Symbol.asyncDispose]: () => Promise.resolve() }
}
