// Finds out that another server of the list was promoted while the one that is read goes on, because nobody has stopped it.

import { nameOf } from '../postgres/addresses.ts'
import { checkTimeline, askClusterTimeline, wantsPrimary } from '../postgres/known-timelines.ts'
import { askOthers } from '../postgres/newer-primary.ts'
import type { Queries } from '../postgres/queries.ts'
import { openRawConnection, type RawConnection } from '../postgres/raw-connection.ts'
import type { SourceConnection } from '../postgres/source-connection.ts'
import { FeedError } from '../errors/feed-error.ts'

const everyMs = 10_000

export interface PromotionWatchOptions {
  readonly source: SourceConnection
  readonly control: Queries
  readonly replication: Pick<RawConnection, 'route'>
  readonly fail: (error: unknown) => void
}

/** Asks again and again until it is disposed of. */
export class PromotionWatch implements Disposable {
  readonly #options: PromotionWatchOptions
  readonly #timer: NodeJS.Timeout | undefined

  constructor(options: PromotionWatchOptions) {
    this.#options = options
    if (wantsPrimary(options.source)) this.#timer = setInterval(() => this.#look(), everyMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    this.#check().catch(this.#options.fail)
  }

  async #check(): Promise<void> {
    const { source, control, replication } = this.#options
    const timeline = await askClusterTimeline(control)
    await askOthers(source, replication, (other) => openRawConnection({ source: other, parameters: {} }))
    try {
      checkTimeline(source, timeline)
    } catch (cause) {
      const { route } = replication
      const { code, message, hint } = cause as FeedError
      throw new FeedError(code, `PostgreSQL at ${nameOf(route, route.at)} is left: ${message}`, { hint, cause })
    }
  }
}
