// 64-bit big-endian integers, which every transaction reads and writes. The methods of Buffer make four bigints for each
// integer, a DataView makes one. The last view is kept, because many reads in a row come from the same buffer.

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

/** Returns the offset of the first byte after the integer. */
export function writeInt64(value: bigint, bytes: Uint8Array, at: number): number {
  if (writeView.buffer !== bytes.buffer) writeView = new DataView(bytes.buffer)
  writeView.setBigInt64(bytes.byteOffset + at, value)
  return at + 8
}

/** Returns the offset of the first byte after the integer. */
export function writeUint64(value: bigint, bytes: Uint8Array, at: number): number {
  if (writeView.buffer !== bytes.buffer) writeView = new DataView(bytes.buffer)
  writeView.setBigUint64(bytes.byteOffset + at, value)
  return at + 8
}
