// Gives an attempt the keeper of its source.

import type { ChangelogKeeper } from '../changelog/changelog.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import type { SourceMode } from '../source-schema/source-mode.ts'
import { InstalledKeeper } from './installed-keeper.ts'
import { PreparedKeeper } from './prepared/prepared-keeper.ts'
import type { SourceKeeper } from './source-keeper.ts'

export interface KeeperOptions {
  readonly log: ChangelogKeeper
  readonly source: SourceConnection
  /** The log holds nothing yet. */
  readonly isNew: boolean
}

export function keeperOf(mode: SourceMode, { log, source, isNew }: KeeperOptions): SourceKeeper {
  return mode === 'installed' ? new InstalledKeeper(source) : new PreparedKeeper(log, isNew)
}
