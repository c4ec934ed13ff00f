// What differs between the two ways in which a source is read (source-schema/source-mode.ts), as an attempt of ingest asks for it.
// What must hold at the source is kept by us in the one, and by a DBA in the other.

import type { ChangelogWriter } from '../changelog/changelog.ts'
import type { Queries } from '../postgres/queries.ts'
import type { SourceMode } from '../source-schema/source-mode.ts'
import type { GroupCommit } from './group-commit.ts'

export interface Trust {
  /** If it changes, rows may be missing that the log does not know of. */
  readonly token: string
  /** Why not all changes since the log's end may have been published; undefined: they were. */
  readonly distrust: string | undefined
}

export interface HealthOptions {
  readonly control: Queries
  readonly writer: ChangelogWriter
  readonly commit: GroupCommit
  /** The token that the log knows. */
  readonly token: string
  readonly gap: (reason: string) => void
}

export interface Health {
  /** Rejects when the source is gone, or when a new attempt must begin. */
  check(): Promise<void>
}

export interface SourceKeeper {
  readonly mode: SourceMode
  trust(control: Queries): Promise<Trust>
  /** Whether PostgreSQL cannot decode what was written until the publication was made anew. */
  isPublicationAnew(control: Queries): Promise<boolean>
  /** To be called when a gap is in the log: the missing changes may include DDL, and `token` is known from now on. */
  afterGap(control: Queries, token?: string): Promise<void>
  health(options: HealthOptions): Health
}
