// A cut that is made now and read later, maybe by another thread: the snapshot is kept by a transaction of its own, and
// readers import it by its name. Nothing but the snapshot is held: no lock on a table, no slot, no WAL. Vacuum cannot
// remove what the snapshot still sees, so whoever holds a cut holds it for a bounded time.

import type { Lsn } from '../core/lsn.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { Connections, exportSnapshot, importSnapshot } from './snapshot.ts'
import { readFacts, type ScanTarget } from './table-facts.ts'

/** What a reader needs. Structured cloneable. */
export interface HeldSnapshot {
  readonly name: string
  /** Of each table, from before the snapshot: a DDL since then makes the snapshot useless for the table. */
  readonly fingerprints: ReadonlyMap<number, string>
}

export interface HeldCut extends AsyncDisposable {
  readonly point: Lsn
  readonly snapshot: HeldSnapshot
}

export interface HoldOptions {
  readonly source: SourceConnection
  readonly targets: readonly ScanTarget[]
  /** Counts until the cut is there. */
  readonly signal: AbortSignal
  /** Hears, now and then, what the cut waits for. */
  readonly waiting?: ((why: string) => void) | undefined
}

export async function holdCut({ source, targets, signal, waiting }: HoldOptions): Promise<HeldCut> {
  using connections = new Connections(source, signal)
  try {
    const keeper = await connections.connect()
    const facts = await readFacts(keeper, targets)
    const slot = await connections.connect(true)
    const { point, name: exported } = await exportSnapshot(slot, keeper, waiting)
    await importSnapshot(keeper, exported)
    const [row] = await keeper.query('SELECT pg_catalog.pg_export_snapshot()')
    await slot.close()
    signal.throwIfAborted()
    return {
      point,
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
