// What the rest of the program knows of a sink before it is opened: everything about its URI and options, its
// specification, and how it is opened. The facts of all sinks are listed in sinks.ts.
//
// Facts are loaded in every thread, so they import nothing large: what talks to the far end is behind `open`.

import type { FeedTarget, SinkSpec, ValueFormat } from '../core/feed-spec.ts'
import type { Sink } from './sink.ts'
import type { ParameterFacts, SinkParameters } from './sink-parameters.ts'

export interface SinkFacts<Spec extends SinkSpec = SinkSpec> {
  /** The `tag` of its specifications. Jobs store it, so it never changes. */
  readonly tag: Spec['tag']
  /** The name of the sink in messages and on pages. */
  readonly label: string
  /** Schemes of its URIs, the main one first. None: the sink of a changefeed without INTO. */
  readonly schemes: readonly string[]
  /** Schemes that are still accepted and that no hint proposes. */
  readonly oldSchemes?: readonly string[]
  /** Schemes that are refused, each with its message. */
  readonly wrongSchemes?: Readonly<Record<string, string>>
  /** The scheme and a colon is a whole URI, which is how SHOW JOBS prints it. */
  readonly isSchemeEnough?: true
  /** What is said about the use of one of its schemes. */
  schemeNotice?(scheme: string): string | undefined
  /** The options that it takes beside those that every sink takes (`sinks` in plan/options.ts). */
  readonly options: 'all' | readonly string[]
  /** Formats and envelopes that it cannot carry. A new format is for every sink that does not name it here. */
  readonly withoutFormats?: readonly string[]
  readonly withoutEnvelopes?: readonly string[]
  /** Parameters of the URI that SHOW JOBS does not show, beside those that `reference` marks. */
  readonly secrets?: readonly string[]
  /** For docs/reference/sink-parameters.md. */
  readonly reference?: SinkReference
  /** Checks and reads what a statement says about the sink. The result is plain data that can be cloned and stored. */
  readSpec(written: WrittenSink): Spec
  /** The topic of each target. Without it messages name topics after the tables. */
  topics?(spec: Spec): readonly string[]
  /** What is said about a specification when a changefeed starts. */
  notices?(spec: Spec): readonly string[]
  /** Where it connects to, so that the setting changefeed.sink.allowed_hosts is checked before. */
  addresses?(spec: Spec): readonly SinkAddress[]
  /** What a job is said to wait for while its sink is being opened; otherwise the tag. */
  shownAs?(spec: Spec): string
  /** Stands in square brackets before its lines in the log; otherwise the tag does. */
  readonly logTag?: string
  /** Loads what the sink consists of. Undefined: the sink is known, and refused until a later version. */
  readonly open?: () => Promise<SinkModule<Spec>>
}

/** The exports of the `open.ts` of a sink. */
export interface SinkModule<Spec extends SinkSpec = SinkSpec> {
  open(spec: Spec, opening: SinkOpening): Promise<Sink>
  /** Tries the far end before a job is created, so that a wrong address or password is an error of the statement. */
  dial?(spec: Spec, dialing: SinkDialing): Promise<void>
}

export interface SinkOpening {
  /** The topic of each target, as messages name it. */
  readonly topics: readonly string[]
  /** The ending of the names of files with such messages, without a dot; it depends on the format. */
  readonly extension: string
  readonly log: SinkLog
  /** The sink fails when it aborts. */
  readonly signal: AbortSignal
  /** Sends DataRow messages to the client of a changefeed without INTO; settles when more may come. Takes the memory over. */
  readonly send: (messages: Uint8Array<ArrayBuffer>) => Promise<void>
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
  /** `extra_headers`. */
  readonly headers: readonly MessageHeader[]
  /** An option of the statement; `position` is for errors. */
  option(name: string): { readonly text: string | undefined; readonly position: number } | undefined
  /** How the client of the statement wants the three columns of a changefeed without INTO. */
  readonly rowFormats: readonly [ValueFormat, ValueFormat, ValueFormat]
}

export interface UriParts {
  /** In lower case; empty without INTO. */
  readonly scheme: string
  /** What stands between `scheme://` and the parameters. */
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
    /** By the name of the object that holds them; the outermost has the name ''. */
    readonly fields: Readonly<Record<string, Readonly<Record<string, FieldFacts>>>>
  }
}

export interface FieldFacts {
  readonly default?: string
  readonly about: string
}
