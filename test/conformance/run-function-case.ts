// Cases about one function of the product, which need no server: names, formatting, configuration. What goes in and what
// must come out is read from the data.

import assert from 'node:assert/strict'
import { ByteWriter } from '../../src/bytes/byte-writer.ts'
import { RowView } from '../../src/core/row-view.ts'
import { relationOfDescription } from '../../src/decode/schema-history.ts'
import { avroName } from '../../src/encode/avro/avro-name.ts'
import { open as openCsv } from '../../src/encode/csv/csv-encoder.ts'
import { specOf } from '../support/spec-of.ts'
import { TableLook } from '../support/written-log.ts'
import { describeJob } from '../../src/plan/job-description.ts'
import type { Lane } from '../../src/sink/batching/lane.ts'
import { Lanes } from '../../src/sink/batching/lanes.ts'
import { readKafkaSinkConfig } from '../../src/sink/kafka/kafka-sink-config.ts'
import { readKafkaUri } from '../../src/sink/kafka/kafka-uri.ts'
import { kafkaTopicName } from '../../src/core/kafka-name.ts'
import { RecordBatch } from '../../src/sink/kafka/record-batch.ts'
import { readSinkUri } from '../../src/sink/sink-uri.ts'
import { parseOne } from '../support/parse-one.ts'
import { planFor } from '../support/plan-for.ts'
import { Placeholders } from './placeholders.ts'
import type { ConformanceCase } from './cases.ts'

type Check = (original: ConformanceCase) => void

const checks: Readonly<Record<string, Check>> = {
  'name-kafka-001': topicNames,
  'kafka-003': halves,
  'kafka-004': clientOptions,
  'kafka-005': compressionLevels,
  'kafka-006': seedBrokers,
  'error-008': noticesOfAge,
  'error-009': noticesOfAge,
  'error-010': noticesOfAge,
  'error-011': noticesOfAge,
  'name-avro-001': avroNames,
  'err-csv-del': deletedRow,
  'descr-007': description,
  'descr-010': description,
}

/** Undefined: the case needs a server. */
export function functionCheck({ id }: ConformanceCase): Check | undefined {
  return checks[id]
}

function expected({ steps }: ConformanceCase): readonly string[] {
  return steps.flatMap(({ expect }) => expect ?? [])
}

/** `name -> topic`, both ways: a name can be read from its topic, so two names never share one. */
function topicNames(original: ConformanceCase): void {
  for (const line of expected(original)) {
    const [written = '', topic = ''] = line.split(' -> ')
    const name = written.replace(
      /^'\\(?:x(\w{2})|U(\w{8}))'$/,
      (_, short: string | undefined, long: string | undefined) =>
        String.fromCodePoint(Number.parseInt(short ?? long ?? '', 16)),
    )
    assert.equal(kafkaTopicName(name), topic, line)
    assert.equal(unescaped(topic), name, line)
    assert.equal(
      unescaped(topic.replace(/_u([0-9a-f]+)_/g, (text) => text.toUpperCase().replace('_U', '_u'))),
      name,
      line,
    )
  }
  assert.equal(Buffer.byteLength(kafkaTopicName('☃'.repeat(300))), 249)
}

function unescaped(topic: string): string {
  return topic.replace(/_u([0-9a-fA-F]{4,8})_/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
}

/** `name -> name in Avro`, both ways, as topics. */
function avroNames(original: ConformanceCase): void {
  for (const line of expected(original)) {
    const [name = '', escaped = ''] = line.split(' -> ')
    assert.equal(avroName(name), escaped, line)
    assert.equal(unescaped(escaped), name, line)
  }
}

/** No changefeed gives a deleted row to an encoder of CSV: the encoder itself is asked. */
function deletedRow({ steps: [step] }: ConformanceCase): void {
  const relation = relationOfDescription(new TableLook().description)
  const time = Buffer.from('1.0000000002')
  const change = {
    relation,
    topic: 0,
    key: new RowView(),
    after: undefined,
    before: undefined,
    updated: time,
    mvcc: time,
    committedMs: Number.NaN,
    schema: 0,
  }
  const encoder = openCsv(specOf({ format: 'csv' }))
  assert.throws(() => encoder.encodeValue(change, new ByteWriter(1)), new RegExp(step?.expect_error ?? '^$'))
}

/** A broker that takes no batch, and one that takes 25 records at a time. */
function halves(original: ConformanceCase): void {
  const numbers = (text: string): number[] => (text.match(/\d+/g) ?? []).map(Number)
  const [always = '', enough = ''] = expected(original)
  const laneOf = (): Lane<undefined, RecordBatch> => {
    const lanes = new Lanes<undefined, RecordBatch>({
      newBody: () => new RecordBatch(),
      limits: { bytes: 900_000, messages: Number.POSITIVE_INFINITY },
      budgetBytes: 0,
    })
    const lane = lanes.make(undefined, 1)
    const message = Buffer.from('k1value')
    for (let i = 0; i < 100; i++) lane.add(message, 0, 2, message.length)
    lane.close()
    return lane
  }
  const send = (lane: Lane<undefined, RecordBatch>): number => {
    const { body } = lane.start()
    return body.seal({ nowMs: 0, compress: undefined, producer: undefined }).readInt32BE(57)
  }

  const tries: number[] = []
  const refused = laneOf()
  do tries.push(send(refused))
  while (refused.split())
  assert.deepEqual(tries, numbers(always.split(' records')[0] ?? ''))

  const [count = 0, size = 0] = numbers(enough)
  const sent: number[] = []
  const taken = laneOf()
  while (taken.hasClosed) {
    const records = send(taken)
    if (records > size) assert.ok(taken.split())
    else {
      sent.push(records)
      taken.delivered()
    }
  }
  assert.deepEqual(sent, Array<number>(count).fill(size))
}

/** `config -> what the client is then`, in words. */
function clientOptions(original: ConformanceCase): void {
  for (const line of expected(original)) {
    const [, json = '', words = ''] = /^(\{.*\})(?: \(case-insensitive\))?(?: -> (.*))?$/.exec(line) ?? []
    assert.notEqual(json, '', line)
    const config = readKafkaSinkConfig(json, 1)
    const { ClientID, Compression, Flush } = JSON.parse(json) as {
      ClientID?: string
      Compression?: string
      Flush?: { Messages?: number; Bytes?: number; Frequency?: string }
    }
    assert.equal(config.clientId, ClientID ?? 'CockroachDB', line)
    assert.equal(config.compression, Compression?.toLowerCase() ?? 'none', line)
    assert.equal(config.flush.messages, Flush?.Messages ?? 0, line)
    assert.equal(config.flush.bytes, Flush?.Bytes ?? 0, line)
    const everyMs = { '100ms': 100, '2s': 2000 }[Flush?.Frequency ?? ''] ?? 0
    assert.equal(config.flush.frequencyMs, everyMs, line)
    for (const word of words.split(', ')) {
      // Idempotence goes with acks=ALL; the protocol version is agreed with the broker; memory bounds what is buffered.
      if (
        word === '' ||
        /^(?:ClientID |no compression|idempotence off|protocol |max buffered |flush every )/.test(word)
      )
        continue
      const acks = { 'acks of the leader': 'one', none: 'none', 'all in-sync acks': 'all' }[word]
      assert.ok(acks !== undefined, `the runner does not know what this means: ${word}`)
      assert.equal(config.acks, acks, line)
    }
  }
}

/** `accepted: GZIP none/0/9, …` and `refused: GZIP 100, …`; none: without a level. */
function compressionLevels(original: ConformanceCase): void {
  for (const line of expected(original)) {
    const [verdict, list = ''] = line.split(': ')
    for (const part of list.split(', ')) {
      const [codec = '', levels = ''] = part.split(' ')
      for (const level of levels.split('/')) {
        const config = JSON.stringify({
          Compression: codec,
          ...(level === 'none' ? {} : { CompressionLevel: Number(level) }),
        })
        if (verdict === 'accepted') {
          assert.equal(
            readKafkaSinkConfig(config, 1).compressionLevel,
            level === 'none' ? undefined : Number(level),
            config,
          )
        } else assert.throws(() => readKafkaSinkConfig(config, 1), /invalid compression level/, config)
      }
    }
  }
}

function seedBrokers(original: ConformanceCase): void {
  const uri = /'(.*)'/.exec(original.feed)?.[1] ?? ''
  const [words = ''] = expected(original)
  assert.deepEqual(readKafkaUri(readSinkUri(uri, 1)).brokers, words.match(/\S+:\d+/g))
}

/** The statement as the list of jobs prints it, whether or not it could run. */
function description(original: ConformanceCase): void {
  const statement = parseOne(original.feed)
  assert.ok(statement?.tag === 'create-changefeed')
  const { sink } = statement
  const read = { sinkText: sink?.tag === 'string' ? sink.text : undefined }
  assert.equal(`job description: ${describeJob(statement, read, [])}`, expected(original)[0])
}

/** No table has been watched for hours here, so a server refuses such a cursor: what is said of its age is asked of the plan. */
function noticesOfAge(original: ConformanceCase): void {
  const sql = new Placeholders().fill(original.feed)
  const now = { wall: BigInt(Date.now()) * 1_000_000n, logical: 0 }
  const { notices } = planFor(sql, { now })
  const said = notices.map((message) => `NOTICE: ${message}`)
  assert.deepEqual(said.length === 0 ? ['no notice'] : said, expected(original))
}
