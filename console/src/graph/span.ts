// A span of time in the address of a page.

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

const pointMs = 10_000
const wantedPoints = 360
const mostMoveMs = 60_000

/** How far the values of a graph are apart. */
export function stepOf({ fromMs, toMs }: Span): number {
  return Math.max(1, Math.ceil((toMs - fromMs) / wantedPoints / pointMs)) * pointMs
}

/** After how long the end of a span that ends now moves on: where a value is that of half an hour, ten seconds change nothing. */
export function moveMs(lengthMs: number): number {
  return Math.min(mostMoveMs, stepOf({ fromMs: 0, toMs: lengthMs }))
}

/** JavaScript has no dates beyond it. */
const lastMs = 8.64e15

/** Undefined: the address has no span, or one that cannot be, because anybody can write an address. */
export function spanIn(parameters: URLSearchParams): Span | undefined {
  const [fromMs, toMs] = [Math.round(Number(parameters.get('from'))), Math.round(Number(parameters.get('to')))]
  return fromMs > 0 && toMs > fromMs && toMs <= lastMs ? { fromMs, toMs } : undefined
}
