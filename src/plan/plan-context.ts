// What the planning of a statement needs beside its text, as values, because planning is pure.

import type { ValueFormat } from '../core/feed-spec.ts'
import type { Hlc } from '../core/hlc.ts'
import type { Prerequisites } from './prerequisites.ts'
import type { Parameters } from './read-options.ts'
import type { Creator } from './targets.ts'

export interface PlanContext {
  /** The feed's id. */
  readonly id: string
  readonly parameters: Parameters
  /** The time of the statement, on the source's clock. */
  readonly now: Hlc
  /** The database of the session. */
  readonly database: string
  readonly user: string
  /** The rights of `user`. */
  readonly creator: Creator
  /** Undefined: they are not checked. */
  readonly prerequisites: Prerequisites | undefined
  /** Whether metrics may have this scope: there is a limit to the scopes in use. */
  readonly mayUseScope: (scope: string) => boolean
  /** Metrics are shown by scope. */
  readonly showsScopes: boolean
  /** The database is of the single node's dialect, where tables without a primary key get one. */
  readonly makesKeys: boolean
  /** As in `StatementReader`. */
  readonly systemDatabase: string | undefined
  /** How the client wants the three columns of a feed without INTO. */
  readonly rowFormats: readonly [ValueFormat, ValueFormat, ValueFormat]
  /** As in `RowsSinkSpec`. */
  readonly mostValueBytes?: number | undefined
}
