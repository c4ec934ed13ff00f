// 64-bit integers, big-endian, on the way of every transaction. Buffer's own methods make four bigints for each; a
// DataView makes one. The views are kept: reads come from one buffer for long, and writes go to another.

let readView: DataView = new DataView(new ArrayBuffer(0))
let writeView: DataView = readView

export function readInt64(bytes: Uint8Array, at: number): bigint {
  if (readView.buffer !== bytes.buffer) readView = new DataView(bytes.buffer)
  return readView.getBigInt64(bytes.byteOffset + at)
}

export function readUint64(bytes: Uint8Array, at: number): bigint {
  if (readView.buffer !== bytes.buffer) readView = new DataView(bytes.buffer)
  return readView.getBigUint64(bytes.byteOffset + at)
}

/** Gives the offset behind it. */
export function writeInt64(value: bigint, bytes: Uint8Array, at: number): number {
  if (writeView.buffer !== bytes.buffer) writeView = new DataView(bytes.buffer)
  writeView.setBigInt64(bytes.byteOffset + at, value)
  return at + 8
}

/** Gives the offset behind it. */
export function writeUint64(value: bigint, bytes: Uint8Array, at: number): number {
  if (writeView.buffer !== bytes.buffer) writeView = new DataView(bytes.buffer)
  writeView.setBigUint64(bytes.byteOffset + at, value)
  return at + 8
}
