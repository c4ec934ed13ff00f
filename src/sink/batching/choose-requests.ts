// Chooses which of the waiting batches are sent now, and in which requests.

/**
 * What a batch that is not full waits for; 0: there is no such bound. Without any bound it is sent as soon as its lane is
 * free, and takes more messages until then: an idle far end gets each message at once, a busy one gets larger batches.
 */
export interface FlushBounds {
  readonly messages: number
  readonly bytes: number
  /** A batch waits so long for the other two bounds, counted from its first message. */
  readonly frequencyMs: number
}

export interface FlushRule extends FlushBounds {
  /** `route`: the bounds are those of all lanes of a route together, because their messages share requests. Undefined: of each lane. */
  readonly per?: 'route'
}

export interface RequestLimits {
  /** Requests to one route at the same time, each with other lanes. */
  readonly perRoute: number
  /** Lanes in a request. */
  readonly lanes: number
  /** Bytes and messages in a request with several lanes. */
  readonly bytes: number
  readonly messages: number
}

interface WaitingLane {
  readonly route: number
  readonly hasClosed: boolean
  readonly openCount: number
  readonly openBytes: number
  /** When the open batch got its first message, as `performance.now()` counts; Infinity: there is none. */
  readonly openedAtMs: number
  readonly nextBytes: number
  readonly nextCount: number
}

export interface ChooseOptions<Lane> {
  readonly waiting: Iterable<Lane>
  readonly flush: FlushRule
  readonly limits: RequestLimits
  /** Batches are sent before they are full. */
  readonly isHurried: boolean
  /** As `performance.now()` counts. */
  readonly nowMs: number
  /** Returns how many more requests may be sent to a route now. */
  readonly free: (route: number) => number
}

export interface Request<Lane> {
  readonly route: number
  readonly lanes: Lane[]
  bytes: number
  messages: number
}

export interface Chosen<Lane> {
  readonly requests: readonly Request<Lane>[]
  /** When the first of the batches that wait for more messages is sent as it is; undefined: none waits. */
  readonly dueAtMs: number | undefined
}

/** What waits for more messages together: the open batch of a lane, or those of all lanes of a route. */
type OpenBatches = Pick<WaitingLane, 'openCount' | 'openBytes' | 'openedAtMs'>

export function chooseRequests<Lane extends WaitingLane>(options: ChooseOptions<Lane>): Chosen<Lane> {
  const { waiting, flush, limits, isHurried, nowMs, free } = options
  const { messages, bytes, frequencyMs } = flush
  const isAtOnce = isHurried || (frequencyMs === 0 && messages === 0 && bytes === 0)
  const together = isAtOnce || flush.per !== 'route' ? undefined : openByRoute(waiting)
  const requests: Request<Lane>[] = []
  /** The last request to each route, and how many more the route takes. */
  const routes = new Map<number, { request: Request<Lane> | undefined; free: number }>()
  let dueAtMs: number | undefined
  for (const lane of waiting) {
    const { route } = lane
    if (!lane.hasClosed && !isAtOnce) {
      const { openCount, openBytes, openedAtMs } = together?.get(route) ?? lane
      const isLarge = (messages > 0 && openCount >= messages) || (bytes > 0 && openBytes >= bytes)
      const laneDueAtMs = frequencyMs > 0 ? openedAtMs + frequencyMs : Number.POSITIVE_INFINITY
      if (!isLarge && laneDueAtMs > nowMs) {
        dueAtMs = Math.min(dueAtMs ?? laneDueAtMs, laneDueAtMs)
        continue
      }
    }
    let state = routes.get(route)
    if (state === undefined) routes.set(route, (state = { request: undefined, free: free(route) }))
    if (state.request === undefined || !hasRoom(state.request, lane, limits)) {
      // The batch waits until a request to this route has been answered.
      if (state.free <= 0) continue
      state.free -= 1
      state.request = { route, lanes: [], bytes: 0, messages: 0 }
      requests.push(state.request)
    }
    state.request.lanes.push(lane)
    state.request.bytes += lane.nextBytes
    state.request.messages += lane.nextCount
  }
  return { requests, dueAtMs }
}

function openByRoute<Lane extends WaitingLane>(waiting: Iterable<Lane>): ReadonlyMap<number, OpenBatches> {
  const routes = new Map<number, OpenBatches>()
  for (const { route, openCount, openBytes, openedAtMs } of waiting) {
    const sum = routes.get(route) ?? { openCount: 0, openBytes: 0, openedAtMs: Number.POSITIVE_INFINITY }
    routes.set(route, {
      openCount: sum.openCount + openCount,
      openBytes: sum.openBytes + openBytes,
      openedAtMs: Math.min(sum.openedAtMs, openedAtMs),
    })
  }
  return routes
}

function hasRoom<Lane extends WaitingLane>(request: Request<Lane>, lane: Lane, limits: RequestLimits): boolean {
  return (
    request.lanes.length < limits.lanes &&
    request.bytes + lane.nextBytes <= limits.bytes &&
    request.messages + lane.nextCount <= limits.messages
  )
}
