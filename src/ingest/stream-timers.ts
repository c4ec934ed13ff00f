// Repeats, while a stream runs, what must be done again and again: keeps the connection alive, asks the source for its clock
// and its health, watches the distance to the head, and closes a timestamp at once when somebody asks for one.
//
// A request for a closed timestamp (Changelog.closeNow) is kept by the log, in memory that all threads share, and this file
// is the only one that answers it. It remembers nothing: every stream begins by closing a timestamp for what is committed
// then, so a request that came between two streams, or that an earlier stream or worker could not answer any more, is
// answered by the next one.

import type { ChangelogKeeper } from '../changelog/changelog.ts'
import type { ClockProbes } from './clock-probe.ts'
import type { AttemptParts } from './attempt-parts.ts'
import type { IngestSettings } from './ingest.ts'
import type { SlotStream } from './stream.ts'

const keepAliveMs = 10_000
const healthMs = 5000
/** Without feeds nobody waits for closed timestamps, but the log's end must still move forward. */
const idleProbeMs = 5000
const fastestProbeMs = 20
/**
 * A stream that has been far behind for so many checks in a row is left for bulk pulls, but not before something has come:
 * until then the server decodes from where the slot must restart, and would do so again for a pull.
 */
const farBehindBytes = 32n * 1024n * 1024n
const distanceCheckMs = 1000
const farBehindChecks = 3

export interface StreamTimersOptions {
  readonly log: ChangelogKeeper
  readonly parts: Pick<AttemptParts, 'health' | 'applier'>
  readonly stream: Pick<SlotStream, 'received' | 'confirm' | 'probed'>
  readonly probes: ClockProbes
  readonly settings: () => IngestSettings
  readonly feeds: () => number
  /** Called when the stream is far behind, and no transaction is open. */
  readonly farBehind: () => void
  /** Called when the source or the control connection fails. */
  readonly fail: (error: unknown) => void
}

export class StreamTimers implements Disposable {
  readonly #options: StreamTimersOptions
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #over = new AbortController()
  #probing: NodeJS.Timeout | undefined

  constructor(options: StreamTimersOptions) {
    this.#options = options
    const { stream, parts, fail } = options
    const checkHealth = (): void => void parts.health.check().catch(fail)
    this.#timers = [
      setInterval(() => stream.confirm(), keepAliveMs),
      setInterval(checkHealth, healthMs),
      this.#watchDistance(),
    ]
    const seen = options.log.closesAsked
    this.rearm()
    checkHealth()
    this.#probe(true)
    void this.#answerRequests(seen)
  }

  /** To be called when settings or the number of feeds have changed. */
  rearm(): void {
    clearInterval(this.#probing)
    const { feeds, settings } = this.#options
    const everyMs = feeds() === 0 ? idleProbeMs : Math.max(fastestProbeMs, settings().closedTargetMs)
    this.#probing = setInterval(() => this.#probe(false), everyMs)
    this.#probe(false)
  }

  [Symbol.dispose](): void {
    this.#over.abort()
    for (const timer of this.#timers) clearInterval(timer)
    clearInterval(this.#probing)
  }

  async #answerRequests(answered: number): Promise<void> {
    const { log } = this.#options
    const { signal } = this.#over
    for (let seen = answered; ; this.#probe(true)) {
      await log.closeAsked(seen, signal)
      if (signal.aborted) return
      // Read before the clock is asked: a later request is answered by the next round.
      seen = log.closesAsked
    }
  }

  #watchDistance(): NodeJS.Timeout {
    const { log, stream, parts, farBehind } = this.#options
    const startedAt = stream.received
    let checks = 0
    return setInterval(() => {
      const isFar = stream.received > startedAt && log.status.sourceLsn - stream.received > farBehindBytes
      checks = isFar ? checks + 1 : 0
      if (checks >= farBehindChecks && !parts.applier.inTransaction) farBehind()
    }, distanceCheckMs)
  }

  #probe(exact: boolean): void {
    const { log, stream, probes, fail } = this.#options
    probes.ask(exact).then((probe) => {
      if (probe === undefined) return
      log.sourceAt(probe.lsn)
      if (!this.#over.signal.aborted) stream.probed()
    }, fail)
  }
}
