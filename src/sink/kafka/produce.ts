// The Produce request and its answer, version 9 (Kafka 2.4 and later):
//
//   request   nullable string transactional id, i16 acks, i32 timeout (ms), topics: name, partitions: i32 index, records
//   response  topics: name, partitions: i32 index, i16 error, i64 base offset, i64 append time, i64 start offset,
//             record errors: i32 index, string; string error message; i32 throttle (ms)

import { apiVersionsV3, Writer, type Connection, type Reader } from '@platformatic/kafka'
import type { Partition } from './spec.ts'

const apiKey = 0
const apiVersion = 9
const timeoutMs = 30_000

export interface PartitionRecords extends Partition {
  readonly records: Buffer
}

export interface PartitionAnswer extends Partition {
  /** Kafka's error code; 0: the records are written. */
  readonly code: number
  readonly message: string | undefined
}

export interface ProduceAnswer {
  readonly answers: readonly PartitionAnswer[]
  /** How long the broker asks us to send nothing, because a quota is exhausted; 0: it does not ask. */
  readonly throttleMs: number
}

const noAnswer: ProduceAnswer = { answers: [], throttleMs: 0 }

/**
 * Settles with the broker's answer. Without acks (0) a broker does not answer, so a request that has an answer follows at
 * once on the same connection. A broker processes the requests of a connection one after the other, and closes the connection
 * when it cannot take messages. So the answer to the second request says that the messages of the first are written; when the connection
 * breaks before, they may be written or not.
 */
export async function produce(
  connection: Connection,
  acks: number,
  all: readonly PartitionRecords[],
): Promise<ProduceAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<ProduceAnswer>()
  connection.send<ProduceAnswer>(
    apiKey,
    apiVersion,
    () => request(acks, all),
    (_correlation, _key, _version, reader) => readAnswer(reader),
    true,
    true,
    (error, answer) => {
      if (error) reject(error)
      // Without acks there is no answer, whatever the library passes in its place.
      else resolve(acks === 0 || answer === undefined ? noAnswer : answer)
    },
  )
  if (acks !== 0) return promise
  await Promise.all([promise, apiVersionsV3.api.async(connection, 'pg-changefeed', '1')])
  return noAnswer
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

function readAnswer(reader: Reader): ProduceAnswer {
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
  return { answers, throttleMs: reader.readInt32() }
}
