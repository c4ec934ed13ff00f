// Chooses which of the waiting batches are sent now, and in which requests.

/** When a batch that is not full is sent; 0: there is no such bound. Without any bound it is sent as soon as its lane is free. */
export interface FlushBounds {
  readonly messages: number
  readonly bytes: number
  readonly frequencyMs: number
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
  readonly nextBytes: number
  readonly nextCount: number
}

export interface ChooseOptions<Lane> {
  readonly waiting: Iterable<Lane>
  readonly flush: FlushBounds
  readonly limits: RequestLimits
  /** Batches are sent before they are full. */
  readonly isHurried: boolean
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
  /** A batch waits for more messages or for its time. */
  readonly isWaiting: boolean
}

export function chooseRequests<Lane extends WaitingLane>(options: ChooseOptions<Lane>): Chosen<Lane> {
  const { waiting, flush, limits, isHurried, free } = options
  const { messages, bytes, frequencyMs } = flush
  const isDue = isHurried || (frequencyMs === 0 && messages === 0 && bytes === 0)
  const requests: Request<Lane>[] = []
  /** The last request to each route, and how many more the route takes. */
  const routes = new Map<number, { request: Request<Lane> | undefined; free: number }>()
  let isWaiting = false
  for (const lane of waiting) {
    const { route, openCount, openBytes } = lane
    const isLarge = (messages > 0 && openCount >= messages) || (bytes > 0 && openBytes >= bytes)
    if (!lane.hasClosed && !isDue && !isLarge) {
      isWaiting = true
      continue
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
  return { requests, isWaiting }
}

function hasRoom<Lane extends WaitingLane>(request: Request<Lane>, lane: Lane, limits: RequestLimits): boolean {
  return (
    request.lanes.length < limits.lanes &&
    request.bytes + lane.nextBytes <= limits.bytes &&
    request.messages + lane.nextCount <= limits.messages
  )
}
