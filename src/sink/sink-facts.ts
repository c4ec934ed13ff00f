// What the rest of the program knows of a sink before the sink is opened: everything about its URI and options, its
// specification, and how it is opened. The facts of all sinks are listed in sinks.ts.
//
// Facts are loaded in every thread, so they import nothing large: `open` loads the code that connects to the far end.

import type { FeedMeter, SentMessages } from '../core/feed-meter.ts'
import type { FeedTarget, SinkSpec, ValueFormat } from '../core/feed-spec.ts'
import type { FileColumn } from '../core/file-column.ts'
import type { Hlc } from '../core/hlc.ts'
import type { Sink } from './sink.ts'
import type { ParameterFacts, SinkParameters } from './sink-parameters.ts'

export interface SinkFacts<Spec extends SinkSpec = SinkSpec> {
  /** The `tag` of the sink's specifications. Jobs store the tag, so it never changes. */
  readonly tag: Spec['tag']
  /** The name of the sink in messages and on pages. */
  readonly label: string
  /** The schemes of the sink's URIs, the main one first. None: the sink of a changefeed without INTO. */
  readonly schemes: readonly string[]
  /** Schemes that are still accepted and that no hint proposes. */
  readonly oldSchemes?: readonly string[]
  /** The scheme and a colon are a whole URI, which SHOW JOBS prints so. */
  readonly isSchemeEnough?: true
  /** Returns the notice about the use of a scheme. */
  schemeNotice?(scheme: string): string | undefined
  /** The options that the sink takes beside those that every sink takes (`sinks` in plan/options.ts). */
  readonly options: 'all' | readonly string[]
  /** The formats and envelopes that the sink cannot carry. Every sink that does not name a new format here takes it. */
  readonly withoutFormats?: readonly string[]
  readonly withoutEnvelopes?: readonly string[]
  /** Options that are on without being written, where format and envelope have a place for them: messages of the sink have no key. */
  readonly forcedOptions?: readonly ('key_in_value' | 'topic_in_value')[]
  /** Parameters of the URI whose values SHOW JOBS does not show, beside those that `reference` marks. */
  readonly secrets?: readonly string[]
  /** Returns the part of a URI between its user and its parameters as SHOW JOBS shows it. Undefined: as it is written. */
  showPlace?(place: string): string
  /** Parameters that are not in `reference` are for the far end. They may be credentials, so SHOW JOBS does not show their values. */
  readonly passesParametersOn?: true
  /** The texts for docs/reference/sink-parameters.md. */
  readonly reference?: SinkReference
  /** Checks and reads what a statement says about the sink. Returns plain data that can be cloned and stored. */
  readSpec(written: WrittenSink): Spec
  /** Returns the topic of each target. For a sink without topics, messages use the names of the tables. */
  topics?(spec: Spec): readonly string[]
  /** Returns the notices about a specification when a changefeed starts. */
  notices?(spec: Spec): readonly string[]
  /** Returns the addresses to which the sink connects, so that changefeed.sink.allowed_hosts is checked before. */
  addresses?(spec: Spec): readonly SinkAddress[]
  /** Whether the sink uses the credentials of the server. */
  isImplicit?(spec: Spec): boolean
  /** What --external-io-disable-http forbids of the sink, as its error says it: a server that the URI names. Undefined: nothing. */
  ownServer?(spec: Spec): string | undefined
  /** Returns the name for which a job is shown to wait while its sink is being opened; without this function, the tag. */
  shownAs?(spec: Spec): string
  /** The text in square brackets before the sink's lines in the log; undefined: the tag. */
  readonly logTag?: string
  /** Loads the code of the sink. Undefined: the sink is refused until a later version. */
  readonly open?: () => Promise<SinkModule<Spec>>
}

/** The exports of the `open.ts` of a sink. */
export interface SinkModule<Spec extends SinkSpec = SinkSpec> {
  open(spec: Spec, opening: SinkOpening): Promise<Sink>
  /** Checks the far end before a job is created, so that a wrong address or password is an error of the statement. */
  dial?(spec: Spec, dialing: SinkDialing): Promise<void>
}

export interface SinkOpening {
  /** `FeedSpec.id`: a job that starts again has the same as before. */
  readonly feed: string
  /** The topic of each target, as messages name it. */
  readonly topics: readonly string[]
  /** The ending of the names of files with messages of the format, without a dot. */
  readonly extension: string
  /** No row of the feed is of an earlier time. A feed that starts again after a crash has the same time as before, or a later one. */
  readonly firstTime: Hlc
  /** Returns the line with the names of the columns for messages with this schema (`MessageBatch.schemas`); undefined: the format has none. */
  readonly header: (schema: number) => Uint8Array | undefined
  /** Returns the typed columns of messages with this schema; undefined: the format has none. */
  readonly columns: (schema: number) => readonly FileColumn[] | undefined
  readonly log: SinkLog
  /** The sink fails when the signal aborts. */
  readonly signal: AbortSignal
  /**
   * Sends DataRow messages to the client of a changefeed without INTO; settles when more may be sent. The memory of the messages must
   * not be used afterwards. `sent` is counted when the client has taken them.
   */
  readonly send: (messages: Uint8Array<ArrayBuffer>, sent: SentMessages) => Promise<void>
  /** Counts what is delivered, and what it takes. */
  readonly meter?: FeedMeter | undefined
}

export interface SinkDialing {
  /** Resolved messages will be sent. */
  readonly resolved: boolean
  readonly signal: AbortSignal
}

/** Writes a line into the log of the server. */
export type SinkLog = (level: 'info' | 'warn' | 'error', text: string) => void

export interface SinkAddress {
  readonly host: string
  readonly port: number
}

/** What a statement says about its sink. */
export interface WrittenSink extends UriParts {
  readonly tables: readonly SinkTable[]
  /** The members of `extra_headers`. */
  readonly headers: readonly MessageHeader[]
  /** Returns an option of the statement; `position` is for errors. */
  option(name: string): { readonly text: string | undefined; readonly position: number } | undefined
  /** How the client of the statement wants the three columns of a changefeed without INTO. */
  readonly rowFormats: readonly [ValueFormat, ValueFormat, ValueFormat]
  /** As in `RowsSinkSpec`. */
  readonly mostValueBytes?: number | undefined
}

export interface UriParts {
  /** The scheme in lower case; empty: the statement has no INTO. */
  readonly scheme: string
  /** The part between `scheme://` and the parameters. */
  readonly place: string
  readonly parameters: SinkParameters<string>
}

export interface SinkTable extends Pick<FeedTarget, 'topic' | 'tableName'> {
  readonly keyColumns: readonly string[]
}

export interface MessageHeader {
  readonly name: string
  readonly value: string
}

/** What the page of sink parameters says about a sink. */
export interface SinkReference {
  /** A sentence at the head of the page. */
  readonly summary: string
  readonly uri?: {
    /** A URI for each scheme. */
    readonly examples: readonly string[]
    readonly about: string
    readonly parameters: Readonly<Record<string, ParameterFacts>>
  }
  /** The option with a JSON object that configures the sink. */
  readonly config?: {
    readonly option: string
    readonly about: string
    /** The fields, by the name of the object that has them; the outermost object has the name ''. */
    readonly fields: Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>
  }
}

export interface FieldFacts {
  readonly default?: string
  readonly about: string
}
