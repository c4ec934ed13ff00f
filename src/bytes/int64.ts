// 64-bit big-endian integers, which every transaction reads and writes. The methods of Buffer make four bigints for each
// integer, a DataView makes one. The last view is kept, because many reads in a row come from the same bytes. It is found by
// them and not by their buffer, for which V8 has to be asked.

const noBytes: Uint8Array = new Uint8Array(0)
let readBytes = noBytes
let readView = viewOf(noBytes)
let writtenBytes = noBytes
let writeView = readView

export function readInt64(bytes: Uint8Array, at: number): bigint {
  if (bytes !== readBytes) readFrom(bytes)
  return readView.getBigInt64(at)
}

export function readUint64(bytes: Uint8Array, at: number): bigint {
  if (bytes !== readBytes) readFrom(bytes)
  return readView.getBigUint64(at)
}

/** Returns the offset of the first byte after the integer. */
export function writeInt64(value: bigint, bytes: Uint8Array, at: number): number {
  if (bytes !== writtenBytes) writeTo(bytes)
  writeView.setBigInt64(at, value)
  return at + 8
}

/** Returns the offset of the first byte after the integer. */
export function writeUint64(value: bigint, bytes: Uint8Array, at: number): number {
  if (bytes !== writtenBytes) writeTo(bytes)
  writeView.setBigUint64(at, value)
  return at + 8
}

function readFrom(bytes: Uint8Array): void {
  readBytes = bytes
  readView = viewOf(bytes)
}

function writeTo(bytes: Uint8Array): void {
  writtenBytes = bytes
  writeView = viewOf(bytes)
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}
