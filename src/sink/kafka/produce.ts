// The Produce request and its answer, version 9 (Kafka 2.4 and later):
//
//   request   nullable string transactional id, i16 acks, i32 timeout (ms), topics: name, partitions: i32 index, records
//   response  topics: name, partitions: i32 index, i16 error, i64 base offset, i64 append time, i64 start offset,
//             record errors: i32 index, string; string error message; i32 throttle (ms)

import { apiVersionsV3, Writer, type Connection, type Reader } from '@platformatic/kafka'

const apiKey = 0
const apiVersion = 9
const timeoutMs = 30_000

export interface PartitionRecords {
  readonly topic: string
  readonly partition: number
  readonly records: Buffer
}

export interface PartitionAnswer {
  readonly topic: string
  readonly partition: number
  /** 0: written. */
  readonly code: number
  readonly message: string | undefined
}

/** Settles with the broker's answer; with acks 'none' (0) at once and with nothing: `confirm` asks later. */
export async function produce(
  connection: Connection,
  acks: number,
  all: readonly PartitionRecords[],
): Promise<readonly PartitionAnswer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly PartitionAnswer[]>()
  connection.send<readonly PartitionAnswer[]>(
    apiKey,
    apiVersion,
    () => request(acks, all),
    (_correlation, _key, _version, reader) => readAnswer(reader),
    true,
    true,
    (error, answer) => {
      if (error) reject(error)
      // Without acks there is no answer, whatever stands in its place.
      else resolve(Array.isArray(answer) ? answer : [])
    },
  )
  return promise
}

/**
 * Settles when the broker has dealt with everything that was sent over the connection, and throws when it refused some of
 * it. A broker works off the requests of a connection one after the other, and what it cannot take without acks it
 * answers by closing the connection: any request behind them that has an answer tells.
 */
export async function confirm(connection: Connection): Promise<void> {
  await apiVersionsV3.api.async(connection, 'pg-changefeed', '1')
}

function request(acks: number, all: readonly PartitionRecords[]): Writer {
  const topics = Map.groupBy(all, ({ topic }) => topic)
  const writer = Writer.create()
    .appendString(null)
    .appendInt16(acks)
    .appendInt32(timeoutMs)
    .appendArray([...topics], (topicWriter, [topic, partitions]) => {
      topicWriter.appendString(topic).appendArray(partitions, (partitionWriter, { partition, records }) => {
        partitionWriter
          .appendInt32(partition)
          .appendUnsignedVarInt(records.length + 1)
          .append(records)
      })
    })
    .appendTaggedFields()
  if (acks === 0) writer.context['noResponse'] = true
  return writer
}

function readAnswer(reader: Reader): PartitionAnswer[] {
  const answers: PartitionAnswer[] = []
  reader.readArray((topics) => {
    const topic = topics.readString()
    topics.readArray((partitions) => {
      const partition = partitions.readInt32()
      const code = partitions.readInt16()
      partitions.readInt64()
      partitions.readInt64()
      partitions.readInt64()
      partitions.readArray((records) => {
        records.readInt32()
        records.readNullableString()
      })
      answers.push({ topic, partition, code, message: partitions.readNullableString() ?? undefined })
    })
  })
  reader.readInt32()
  return answers
}
