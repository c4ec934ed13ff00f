// What the nemesis of a job needs of the far end of its sink. A far end outlives the runs.

import type { Collected } from './judge.ts'
import type { Event } from './events.ts'
import type { Random } from './random.ts'

export interface FarEndRun {
  /** Distinguishes the run at the far end, such as in the names of topics. */
  readonly prefix: string
  readonly topics: readonly string[]
  /** The URL of the registry with the schemas of the messages; undefined: they are JSON. */
  readonly registry: string | undefined
}

export interface FarEndReader extends Collected, AsyncDisposable {
  /** Throws when a message could not be read. */
  done(): Promise<void>
}

export interface NemesisFarEnd {
  /** The kind of the far end, in names. */
  readonly name: string
  /** The messages have key and topic in their values, whatever the options say. */
  readonly hasKeyInValue: boolean
  /** Makes what a run needs, and reads what comes. */
  read(run: FarEndRun): Promise<FarEndReader>
  uri(run: FarEndRun): string
  /** Further options, each after a comma. */
  options(random: Random): string
  /** What happens to the far end. */
  events(random: Random): readonly Event[]
  /** From here on nothing is answered, until it is thawed. */
  freeze(): void
  thaw(): void
}
