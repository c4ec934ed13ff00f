// The readings of one attempt and the gate that waits for them.

import { FeedError } from '../../errors/feed-error.ts'
import type { ServerText } from '../../postgres/server-text.ts'
import { markSql } from '../../postgres/flushed-mark.ts'
import type { Queries } from '../../postgres/queries.ts'
import type { MessageApplier } from '../apply-message.ts'
import type { AttemptParts } from '../attempt-parts.ts'
import { MessageConverter } from '../convert-message.ts'
import { Gate } from './gate.ts'
import { HoldWatch, type HoldWatchOptions } from './hold-watch.ts'
import { ReadingLoop } from './reading-loop.ts'
import type { Reading } from './reading.ts'

export interface GateParts
  extends Pick<AttemptParts, 'writer' | 'history' | 'commit'>, Pick<HoldWatchOptions, 'held' | 'released'> {
  readonly applier: MessageApplier
  readonly text: ServerText | undefined
  readonly gap: (reason: string) => void
  /** Asks the server how far it has sent. */
  readonly ask: () => void
  /** Called when the source is gone. */
  readonly failed: (error: unknown) => void
}

export class SchemaReadings {
  readonly #loop: ReadingLoop
  readonly #connection: Queries
  #gate: Gate | undefined
  #mayFlush = true
  readonly #early: Reading[] = []
  #taken = (reading: Reading): void => void this.#early.push(reading)

  /** `connection` is one that nobody else uses, because others may wait long. */
  constructor(connection: Queries) {
    this.#connection = connection
    this.#loop = new ReadingLoop({
      connection,
      types: () => this.#gate?.types() ?? [],
      taken: (reading) => this.#taken(reading),
    })
  }

  /** Takes the first reading: before the slot exists, so that it comes before every row. */
  async begin(): Promise<void> {
    await this.#loop.begin()
  }

  /** Settles when everything that is committed now has been looked at. */
  async look(): Promise<void> {
    await this.#loop.look()
  }

  /** Makes the gate and begins to read. */
  gate({ writer, history, commit, applier, text, gap, ask, held, released, failed }: GateParts): Gate {
    const gate = new Gate({
      described: (relid) => writer.descriptionOf(relid),
      describe: (relid, json, dropped) => applier.describe(relid, json, dropped),
      end: (relids, reason) => {
        applier.end(relids, reason)
        gap(reason)
      },
      isSkipping: () => applier.isSkipping,
      isChecked: () => history.isChecked,
      want: (relids) => this.#loop.want(relids),
      convert: converterOf(text),
    })
    this.#gate = gate
    const hold = new HoldWatch({ connection: this.#connection, gate, held, released })
    this.#taken = (reading) => {
      gate.taken(reading)
      void commit.written()
      hold.look(reading).catch(failed)
      if (gate.awaited === 0) return
      // What the reading has seen may not be flushed yet, and is not sent before that.
      this.#flush().then(ask, failed)
    }
    for (const reading of this.#early.splice(0)) gate.taken(reading)
    this.#loop.run().catch(failed)
    return gate
  }

  /** Flushes the WAL by a transaction of ours that holds nothing. Where our role may not, the server does it within seconds. */
  async #flush(): Promise<void> {
    if (!this.#mayFlush) return
    try {
      await this.#connection.query(markSql)
    } catch (error) {
      if (!(error instanceof FeedError) || error.code !== 'FEED_SOURCE_REFUSED') throw error
      this.#mayFlush = false
    }
  }

  stop(): void {
    this.#loop.stop()
  }
}

function converterOf(text: ServerText | undefined): (bytes: Buffer, start: number, end: number) => Buffer {
  if (text === undefined) return (bytes, start, end) => bytes.subarray(start, end)
  let converted: Buffer = Buffer.alloc(0)
  const converter = new MessageConverter(text, (bytes, start, end) => {
    converted = Buffer.from(bytes.subarray(start, end))
  })
  return (bytes, start, end) => {
    converter.apply(bytes, start, end)
    return converted
  }
}
