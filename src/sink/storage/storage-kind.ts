// What the facts of the storage sink know of each kind of storage: a folder beside this file with a `kind.ts`, which is listed in
// kinds.ts. Like all facts they are loaded in every thread, so they import nothing large: `open` loads the client.

import type { SinkAddress, UriParts } from '../sink-facts.ts'
import type { ParameterFacts } from '../sink-parameters.ts'
import type { StorageClient, StorageOpening } from './storage-client.ts'

/** Where the files go: plain data of the kind that `tag` names, stored in jobs. May hold credentials: never log it. */
export interface StorageLocation {
  readonly tag: string
}

export interface StorageKind<Location extends StorageLocation = StorageLocation> {
  /** The `tag` of the locations. Jobs store it, so it never changes. */
  readonly tag: Location['tag']
  /** The name in messages: `unknown S3 query parameters: …`. */
  readonly label: string
  readonly schemes: readonly string[]
  /** Schemes that are still accepted and that no hint proposes. `experimental-` forms are derived: do not list them. */
  readonly oldSchemes?: readonly string[]
  /** A URI for the reference page. */
  readonly example: string
  /** The parameters beside file_size, partition_format and topic_prefix; `isSecret` marks those that are never shown. */
  readonly parameters: Readonly<Record<string, ParameterFacts>>
  /**
   * Reads the place and the kind's own parameters; the common ones are read already, and the caller refuses what is left. `scheme`
   * has no `experimental-` in front. Throws `parameters.refused(…)`.
   */
  readLocation(uri: UriParts): Location
  /** The place in messages and in SHOW JOBS, without secrets. */
  shownAs(location: Location): string
  /** Notices about a location when a changefeed starts. */
  notices?(location: Location): readonly string[]
  /** The addresses to which the client connects, for changefeed.sink.allowed_hosts. */
  addresses?(location: Location): readonly SinkAddress[]
  /** Whether the client uses the credentials of the server, which --external-io-disable-implicit-credentials forbids. */
  isImplicit?(location: Location, around: { readonly defaultKey?: string | undefined }): boolean
  /** What --external-io-disable-http forbids of a location: a server that the URI names. Undefined: nothing. */
  ownServer?(location: Location): string | undefined
  /** Loads the client. Undefined: the kind is refused until a later version. */
  readonly open?: () => Promise<StorageModule<Location>>
}

/** The exports of the `open.ts` of a kind. */
export interface StorageModule<Location extends StorageLocation = StorageLocation> {
  open(location: Location, opening: StorageOpening): Promise<StorageClient>
}
