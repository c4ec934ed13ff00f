// How many bytes of its changelog are kept for changes after a time: files are kept whole, so it counts from the beginning of the first one. Where the log begins for a time is looked up in its files, so it is remembered for a
// while: what is far behind takes longest to find, and moves least.

import type { Hlc } from '../../core/hlc.ts'
import type { Position } from '../../changelog/changelog.ts'
import type { Source } from '../sources/open-source.ts'

const rememberedMs = 60_000
/** The one that was looked up first gives way to another one. */
const mostRemembered = 2000

interface Found {
  readonly position: Position | undefined
  readonly atMs: number
}

export class KeptSince {
  readonly #found = new Map<string, Found>()

  /** Null: it is not known. */
  bytes(source: Source | undefined, since: Hlc | undefined): number | null {
    if (source === undefined || since === undefined) return null
    const position = this.#positionOf(source, since)
    // The log may have been shortened meanwhile.
    return position === undefined ? null : source.log.status.head - Math.max(position, source.log.status.tail)
  }

  #positionOf(source: Source, since: Hlc): Position | undefined {
    const key = `${source.connection.database} ${since.wall}`
    const known = this.#found.get(key)
    if (known !== undefined && Date.now() - known.atMs < rememberedMs) return known.position
    const position = startOf(source, since)
    this.#found.delete(key)
    this.#found.set(key, { position, atMs: Date.now() })
    const [oldest] = this.#found.keys()
    if (this.#found.size > mostRemembered && oldest !== undefined) this.#found.delete(oldest)
    return position
  }
}

/** A segment that is damaged is no reason to show nothing. */
function startOf({ log }: Source, since: Hlc): Position | undefined {
  try {
    return log.startOf(since)
  } catch {
    return undefined
  }
}
