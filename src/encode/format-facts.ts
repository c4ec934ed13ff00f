// What the rest of the program knows of a format before its encoder is opened. The facts of all formats are listed in
// formats.ts; they are loaded in every thread, so they import nothing large: `open` loads the encoder.

import type { FeedMeter } from '../core/feed-meter.ts'
import type { FeedSpec } from '../core/feed-spec.ts'
import type { Encoder } from './encoder.ts'

export type Envelope = 'wrapped' | 'row' | 'key_only' | 'bare' | 'enriched'

export interface FormatFacts {
  /** The value of the option `format`, in lower case. Jobs store it, so it never changes. */
  readonly name: string
  /** Old values that mean this format, each with the notice about its use. */
  readonly oldNames?: Readonly<Record<string, string>>
  /** The ending of the name of a file with messages of the format, without a dot. */
  readonly extension: string
  readonly envelopes: readonly Envelope[]
  /** The options that the format takes beside those that every format takes (`formats` in plan/options.ts). */
  readonly options?: readonly string[]
  /** Options that the encoder does not support. */
  readonly withoutOptions?: readonly string[]
  /** What to do without them. */
  readonly withoutHint?: string
  /** Options that contradict the format. */
  readonly excludedOptions?: readonly string[]
  /** Options for which the format has a place only in the envelopes `wrapped` and `enriched`. */
  readonly wrappedOptions?: readonly string[]
  /** The option that the format needs. */
  readonly neededOption?: string
  /** How to give it. */
  readonly neededOptionHint?: string
  /** The format can only write rows of a scan, not changes. */
  readonly isScanOnly?: true
  /** Throws if the encoder cannot write the column of a table. */
  checkColumn?(column: TableColumn): void
  /** Returns the names that messages have beside those of the columns of a table (own-names.ts). */
  ownNames?(metadata: Metadata): readonly string[]
  /** The name of the format in which messages have the row before a change, if that is another one. */
  readonly earlierRows?: string
  /** Loads the encoder. Undefined: the format is known, and refused until a later version. */
  readonly open?: () => Promise<FormatModule>
}

/** A format whose messages have names of their own, as its encoder knows it too: an encoder does not import the facts that load it. */
export type NamedFormat = Required<Pick<FormatFacts, 'name' | 'ownNames'>>

/** What decides what messages have beside the columns of a table. */
export type Metadata = Pick<FeedSpec, 'envelope' | 'updated' | 'mvccTimestamp' | 'diff'>

export interface TableColumn {
  readonly schema: string
  readonly table: string
  readonly column: string
  /** The type as format_type() prints it, with its modifier. */
  readonly type: string
}

/** The exports of the file that `FormatFacts.open` loads. */
export interface FormatModule {
  /** Makes the encoder of one changefeed. */
  open(spec: FeedSpec, opening: EncoderOpening): Encoder
}

export interface EncoderOpening {
  /** Writes a row alone as the value of a change. Only for a format with `earlierRows`, and only with `diff`. */
  readonly earlierRows?: Encoder | undefined
  /** Ends what an encoder that registers its schemas waits for. */
  readonly signal?: AbortSignal
  /** Called with what the encoder waits for; undefined: it waits for nothing any more. */
  readonly waiting?: ((why: string | undefined) => void) | undefined
  readonly meter?: FeedMeter | undefined
  /** Writes a line into the log of the server. */
  readonly say?: ((text: string) => void) | undefined
}
