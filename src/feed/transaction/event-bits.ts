// The events of a transaction that are to be emitted: a set of bits, by the number of the event (last-changes.ts).

export function keepEvent(bits: Uint8Array, event: number): void {
  const at = Math.floor(event / 8)
  bits[at] = (bits[at] as number) | (1 << (event % 8))
}

export function isKept(bits: Uint8Array, event: number): boolean {
  return ((bits[Math.floor(event / 8)] as number) & (1 << (event % 8))) !== 0
}
