// Sends the batches of lanes: some requests to each route at the same time, never two with the same lane. Batches that
// fail back off and are sent again, while other lanes continue: a server in trouble does not hold up the others. A batch that
// has failed too often, or that no later attempt can deliver, ends the sender.

import { FeedError } from '../../errors/feed-error.ts'
import type { FeedMeter } from '../../core/feed-meter.ts'
import type { SinkStall } from '../sink.ts'
import type { Backlog } from './backlog.ts'
import { chooseRequests, type FlushRule, type Request, type RequestLimits } from './choose-requests.ts'
import type { Lane } from './lane.ts'
import type { BatchBody, Delivery, LaneClient, Outcome, SendResult } from './lane-client.ts'
import { Progress } from './progress.ts'
import { Retry, withHint, type RetryBounds, type SaysTrouble } from './retry.ts'
import { Routes } from './routes.ts'
import { StallWatch } from './stall.ts'

/** A timer of Node that should take longer is due at once. */
const maxTimerMs = 2 ** 31 - 1

export interface SenderOptions<Place, Body extends BatchBody<Body>> {
  readonly client: LaneClient<Place, Body>
  readonly backlog: Backlog<Lane<Place, Body>>
  readonly flush: FlushRule
  readonly request: RequestLimits
  readonly retry: RetryBounds
  readonly warn: SaysTrouble
  readonly meter: FeedMeter
}

export class LaneSender<Place, Body extends BatchBody<Body>> {
  readonly progress = new Progress()
  readonly #options: SenderOptions<Place, Body>
  readonly #routes: Routes
  readonly #retry: Retry
  readonly #stall: StallWatch
  #timer: NodeJS.Timeout | undefined
  /** Batches are sent before they are full. */
  #isHurried = false

  constructor(options: SenderOptions<Place, Body>) {
    const { client, request, retry, warn } = options
    this.#options = options
    this.#routes = new Routes(request.perRoute)
    const beforeRetry = async (): Promise<void> => client.beforeRetry?.()
    this.#retry = new Retry({ bounds: retry, beforeRetry, progress: this.progress, warn })
    this.#stall = new StallWatch(client.name)
  }

  /** Ends the sender, unless it has ended. */
  fail(error: unknown): void {
    clearTimeout(this.#timer)
    this.progress.end(this.#options.client.toError(error))
  }

  stalled(nowMs: number): SinkStall | undefined {
    const { backlog } = this.#options
    // During a pause no batch is being sent, and yet the far end takes nothing.
    const isHeldUp = backlog.isBusy || (this.#routes.isPausing && !backlog.isEmpty)
    return this.#stall.stalled(isHeldUp, nowMs)
  }

  /** Sends batches before they are full until a request has been answered. Throws the error that ended the sender. */
  async hurry(): Promise<void> {
    this.#isHurried = true
    try {
      this.pump()
      await this.progress.next()
    } finally {
      this.#isHurried = false
    }
  }

  /** Sends what is ready to the routes that can take more. */
  pump(): void {
    if (this.progress.hasEnded) return
    const { backlog, flush, request: limits } = this.#options
    const nowMs = performance.now()
    const { requests, dueAtMs } = chooseRequests({
      waiting: backlog.waiting,
      flush,
      limits,
      isHurried: this.#isHurried,
      nowMs,
      free: (route) => this.#routes.free(route),
    })
    // An error that is thrown here is a bug. It must end the sender, which would otherwise wait without end.
    for (const request of requests) this.#send(request).catch((error: unknown) => this.fail(error))
    // A batch that waits later is due later, so the timer need not be set again.
    if (dueAtMs !== undefined && dueAtMs !== Number.POSITIVE_INFINITY)
      this.#timer ??= setTimeout(() => this.#timeIsUp(), Math.min(Math.ceil(dueAtMs - nowMs), maxTimerMs))
  }

  #timeIsUp(): void {
    this.#timer = undefined
    this.pump()
  }

  async #send({ route, lanes }: Request<Lane<Place, Body>>): Promise<void> {
    const { meter, backlog } = this.#options
    this.#routes.begin(route)
    const deliveries = lanes.map((lane) => lane.start())
    const result = await this.#outcomes(route, deliveries)
    const { outcomes, pauseMs } = result
    // Requests that were on their way together are refused together.
    if (!this.#routes.isPaused(route)) this.#warnOfLater(outcomes, pauseMs)
    if (pauseMs > 0) void this.#pause(route, pauseMs)
    this.#settle(lanes, deliveries, result)
    meter.set('pendingMessages', backlog.messages)
    this.#routes.end(route)
    this.pump()
    this.progress.wake()
  }

  async #outcomes(route: number, deliveries: readonly Delivery<Place, Body>[]): Promise<SendResult> {
    const { client, meter } = this.#options
    const startMs = performance.now()
    let requests = 1
    try {
      const result = await client.send(route, deliveries, this.progress.signal)
      requests = result.requests ?? 1
      return result
    } catch (thrown) {
      const error = client.toError(thrown)
      return { outcomes: deliveries.map(() => ({ tag: 'failed', error })), pauseMs: 0 }
    } finally {
      meter.count('sinkRequests', requests)
      meter.observe('send', (performance.now() - startMs) * 1e6)
    }
  }

  #warnOfLater(outcomes: readonly Outcome[], pauseMs: number): void {
    const later = outcomes.find((outcome) => outcome.tag === 'later')
    if (later !== undefined) this.#options.warn(`${withHint(later.error)}; again in ${pauseMs} ms, as it asks`)
  }

  async #pause(route: number, ms: number): Promise<void> {
    this.#options.meter.observe('throttle', ms * 1e6)
    await this.#routes.pause(route, ms, this.progress.signal)
    this.pump()
  }

  #settle(
    lanes: readonly Lane<Place, Body>[],
    deliveries: readonly Delivery<Place, Body>[],
    { outcomes, sentBytes }: SendResult,
  ): void {
    const { meter } = this.#options
    const bytes = deliveries.reduce((sum, { body }) => sum + body.bytes, 0)
    meter.count('bytesOut', sentBytes ?? bytes)
    if (outcomes.some(({ tag }) => tag === 'failed' || tag === 'refused')) meter.count('sinkErrors')
    // Each batch has its share of what was sent, in whole bytes.
    const shareUpTo = (before: number): number => Math.round(((sentBytes ?? bytes) * before) / Math.max(bytes, 1))
    let before = 0
    const failed: Lane<Place, Body>[] = []
    let firstError: FeedError | undefined
    for (const [i, lane] of lanes.entries()) {
      const outcome = outcomes[i]
      const { body } = deliveries[i] as Delivery<Place, Body>
      const share = shareUpTo(before + body.bytes) - shareUpTo(before)
      before += body.bytes
      if (outcome === undefined)
        throw new FeedError('FEED_BUG', `${outcomes.length} outcomes of ${lanes.length} batches`)
      if (outcome.tag === 'delivered') {
        lane.delivered(share)
        this.#stall.confirmed()
      } else if (outcome.tag === 'too-large') {
        if (!lane.split()) this.fail(this.#options.client.tooLarge(deliveries[i] as Delivery<Place, Body>))
      } else if (outcome.tag === 'refused') {
        this.fail(outcome.error)
      } else if (outcome.tag === 'later') {
        this.#stall.failed(withHint(outcome.error))
        lane.postponed()
      } else {
        firstError ??= outcome.error
        failed.push(lane)
      }
    }
    if (firstError !== undefined) void this.#sendAgain(failed, firstError)
  }

  async #sendAgain(lanes: readonly Lane<Place, Body>[], error: FeedError): Promise<void> {
    const failures = Math.max(...lanes.map((lane) => lane.failed()))
    if (this.progress.hasEnded) return
    try {
      if (!this.#retry.isWorthwhile(failures, error)) throw error
      this.#stall.failed(withHint(error))
      await this.#retry.wait(failures, error)
      for (const lane of lanes) lane.retry()
    } catch (ending) {
      this.fail(ending)
    }
    this.pump()
    this.progress.wake()
  }
}
