// A span of time in the address of a page.

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** JavaScript has no dates beyond it. */
const lastMs = 8.64e15

/** Undefined: the address has no span, or one that cannot be, because anybody can write an address. */
export function spanIn(parameters: URLSearchParams): Span | undefined {
  const [fromMs, toMs] = [Math.round(Number(parameters.get('from'))), Math.round(Number(parameters.get('to')))]
  return fromMs > 0 && toMs > fromMs && toMs <= lastMs ? { fromMs, toMs } : undefined
}
