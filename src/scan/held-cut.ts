// A cut that is made now and read later, possibly by another thread. A transaction keeps the snapshot, and readers import it
// by its name. It keeps no lock on a table, no slot and no WAL. VACUUM cannot remove rows that the snapshot still sees, so
// the time for which a cut is held is limited.

import type { Lsn } from '../core/lsn.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { BeginWindow } from './seen-snapshot.ts'
import { Connections, exportSnapshot, importSnapshot } from './snapshot.ts'
import { readFacts, type ScanTarget } from './table-facts.ts'

/** What a reader needs to import the snapshot. It can be sent to another thread. */
export interface HeldSnapshot {
  readonly name: string
  /** The facts of each table from before the snapshot: a DDL since then makes the snapshot useless for this table. */
  readonly fingerprints: ReadonlyMap<number, string>
}

export interface HeldCut extends AsyncDisposable {
  readonly point: Lsn
  /** On which `point` is. */
  readonly timeline: number
  readonly snapshot: HeldSnapshot
}

export interface HoldOptions {
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  /** Ends the making of the cut; it has no effect on a finished cut. */
  readonly signal: AbortSignal
  /** Called from time to time with what the cut waits for. */
  readonly waiting?: ((why: string) => void) | undefined
  /** Finds the position of a snapshot where PostgreSQL does not say it. */
  readonly beginWindow?: BeginWindow | undefined
}

export async function holdCut({ source, targets, signal, waiting, beginWindow }: HoldOptions): Promise<HeldCut> {
  using connections = new Connections(source, signal)
  try {
    const keeper = await connections.connect()
    const facts = await readFacts(keeper, source, targets)
    const exported = await exportSnapshot(connections, { control: keeper, waiting, beginWindow })
    const { point, timeline } = exported
    await importSnapshot(keeper, exported.name)
    const [row] = await keeper.query('SELECT pg_catalog.pg_export_snapshot()')
    await exported.keeper.close()
    signal.throwIfAborted()
    return {
      point,
      timeline,
      snapshot: {
        name: row?.[0] ?? '',
        fingerprints: new Map([...facts].map(([relid, { fingerprint }]) => [relid, fingerprint])),
      },
      [Symbol.asyncDispose]: () => keeper.close(),
    }
  } catch (error) {
    connections.destroy()
    signal.throwIfAborted()
    throw error
  }
}
