// Writes requests in the protocol buffers of Pub/Sub (google.pubsub.v1), directly from the bytes of messages: objects for each row would
// cost more than everything else that happens to a row here.
//
//   PublishRequest   1 topic, 2 messages
//   PubsubMessage    1 data, 2 attributes (a map: 1 key, 2 value), 5 ordering_key
//
// The data of a row in JSON is {"Key":key,"Value":value,"Topic":"topic"}, with the bytes of key and value as they were encoded. The data of
// a row in CSV is its line, and that of a resolved message its payload.

import { ByteWriter } from '../../bytes/byte-writer.ts'
import type { PubsubBody } from './pubsub-body.ts'
import type { PubsubSinkSpec } from './spec.ts'

const keyHead = Buffer.from('{"Key":')
const valueHead = Buffer.from(',"Value":')
/** The tag of a field whose value has a length in front of it. */
const tag = (field: number): number => (field << 3) | 2
/** A tag and a length. */
const mostFieldBytes = 6

/** Where the messages of a lane go, with the parts of requests that are the same for all of them. */
export interface PubsubPlace {
  /** `projects/…/topics/…` */
  readonly topic: string
  /** The field `topic`. */
  readonly topicField: Buffer
  /** The end of the data of a row; undefined: rows are lines of CSV. */
  readonly rowEnd: Buffer | undefined
  /** The fields behind the data of a row. */
  readonly rowFields: Buffer
}

export interface PlaceOptions {
  readonly spec: Pick<PubsubSinkSpec, 'project' | 'format'>
  readonly topic: string
  readonly tableName: string | undefined
  readonly orderingKey: string | undefined
}

export function placeOf({ spec, topic: name, tableName, orderingKey }: PlaceOptions): PubsubPlace {
  const topic = `projects/${spec.project}/topics/${name}`
  const fields = new ByteWriter(64)
  if (tableName !== undefined) fields.copy(field(2, Buffer.concat([field(1, 'TABLE_NAME'), field(2, tableName)])))
  if (orderingKey !== undefined) fields.copy(field(5, orderingKey))
  return {
    topic,
    topicField: field(1, topic),
    rowEnd: spec.format === 'csv' ? undefined : Buffer.from(`,"Topic":${JSON.stringify(name)}}`),
    rowFields: Buffer.from(fields.view()),
  }
}

/** Returns the most that a message has in a request beside its key and value. */
export function overheadOf({ rowEnd, rowFields }: PubsubPlace): number {
  const frame = rowEnd === undefined ? 0 : keyHead.length + valueHead.length + rowEnd.length
  return frame + rowFields.length + 2 * mostFieldBytes
}

/** Appends a PublishRequest with the messages of a batch. */
export function writePublishRequest(place: PubsubPlace, body: PubsubBody, out: ByteWriter): void {
  const { topicField, rowEnd, rowFields } = place
  const { buffer, count } = body
  const frame = rowEnd === undefined ? 0 : keyHead.length + valueHead.length + rowEnd.length
  out.copy(topicField)
  for (let n = 0; n < count; n++) {
    const start = body.startOf(n)
    const keyEnd = body.keyEndOf(n)
    const end = body.endOf(n)
    // In JSON, a message without a key is a resolved message.
    const isResolved = rowEnd !== undefined && keyEnd < 0
    const dataLength = end - start + (isResolved ? 0 : frame)
    out.u8(tag(2))
    varint(1 + varintBytes(dataLength) + dataLength + (isResolved ? 0 : rowFields.length), out)
    out.u8(tag(1))
    varint(dataLength, out)
    if (rowEnd === undefined || isResolved) out.copy(buffer, start, end)
    else {
      out.copy(keyHead)
      out.copy(buffer, start, keyEnd)
      out.copy(valueHead)
      out.copy(buffer, keyEnd, end)
      out.copy(rowEnd)
    }
    if (!isResolved) out.copy(rowFields)
  }
}

/** Returns a field with a text or with bytes. */
export function field(number: number, value: string | Buffer): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  const out = new ByteWriter(bytes.length + mostFieldBytes)
  out.u8(tag(number))
  varint(bytes.length, out)
  out.copy(bytes)
  return Buffer.from(out.view())
}

function varint(value: number, out: ByteWriter): void {
  let rest = value
  while (rest > 127) {
    out.u8((rest & 127) | 128)
    rest >>>= 7
  }
  out.u8(rest)
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest > 127; rest >>>= 7) bytes += 1
  return bytes
}
