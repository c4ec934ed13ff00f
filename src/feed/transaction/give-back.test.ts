// Buffers grow to what one large row needs, and give the memory back behind it: a server lives long after that row.

import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { BlockBuilder } from '../../changelog/files/block-builder.ts'
import { BlockScanner } from '../../changelog/files/block-scanner.ts'
import { LogHead } from '../../changelog/files/log-head.ts'
import { LogWriter } from '../../changelog/files/log-writer.ts'
import { recoverLog } from '../../changelog/files/recover.ts'
import { listSegments } from '../../changelog/files/segment.ts'
import { MessageBatch } from '../../core/message-batch.ts'
import { kind, RowView } from '../../core/row-view.ts'
import { RecordBatch } from '../../sink/kafka/record-batch.ts'
import { KeyTable } from './key-table.ts'
import { OffsetList } from './offset-list.ts'

const large = 32 * 1024 * 1024
const small = 1024 * 1024

test('a byte writer grows to little more than a large value, and is small again when it is cleared', () => {
  const out = new ByteWriter(1024)
  out.copy(Buffer.alloc(large))
  assert.ok(out.buffer.length <= 1.3 * large)
  const blownUp = out.buffer
  out.clear()
  assert.equal(blownUp.length, 0, 'it is freed at once, not at the next collection')
  assert.equal(out.buffer.length, 1024)
  out.copy(Buffer.alloc(small))
  out.clear()
  assert.ok(out.buffer.length >= small, 'what usual batches need is kept')
})

test('a batch of messages and a batch of records are small again when they are cleared', () => {
  const batch = new MessageBatch()
  batch.begin(0)
  batch.endKey()
  batch.bytes.copy(Buffer.alloc(large))
  batch.end(true)
  const records = new RecordBatch()
  records.add(batch.bytes.view(), 0, 0, large)
  batch.clear()
  records.clear()
  assert.ok(batch.bytes.buffer.length <= small)
  assert.ok(records.capacity <= small)
  for (let i = 0; i < 300_000; i++) {
    batch.begin(0)
    batch.endKey()
    batch.end(false)
  }
  batch.clear()
  assert.ok(batch.topics.length <= 2048)
})

test('a table of keys gives the bytes of wide keys back, and a list of records its places', () => {
  const keys = new KeyTable()
  const row = new RowView()
  row.reset(1)
  row.bytes = Buffer.alloc(large)
  row.kinds[0] = kind.text
  row.ends[0] = large
  keys.add(1, row, [0])
  keys.clear()
  assert.ok(keys.arenaBytes <= small)
  row.release()
  assert.equal(row.bytes.length, 0)
  const list = new OffsetList()
  for (let i = 0; i < 300_000; i++) list.add(0x49, i)
  list.clear()
  assert.ok(list.offsets.length <= 4096)
})

test('the builder of a block is small again, whether the block was cut or flushed, and keeps what it has collected', async () => {
  const builder = new BlockBuilder({ wall: 0n, logical: 0 }, 0n, small)
  builder.reserve(large)
  builder.complete({ wall: 1n, logical: 0 }, 1n)
  const at = builder.reserve(3)
  builder.buffer.write('abc', at, 'latin1')
  builder.sealComplete()
  builder.carryOver()
  builder.shrink(small)
  assert.equal(builder.buffer.length, small)
  assert.ok(builder.buffer.includes('abc'))

  const dir = mkdtempSync(join(tmpdir(), 'changelog-large-'))
  try {
    const head = new LogHead()
    const writer = new LogWriter({ dir, head, recovered: recoverLog(dir) })
    const message = Buffer.alloc(large)
    message[0] = 0x49
    for (let i = 1; i <= 3; i++) {
      writer.begin({ wall: BigInt(i), logical: 0 }, BigInt(i * 100), 1, 0n)
      writer.row(1, true, message, 0, i === 2 ? large : 100)
      writer.commit(BigInt(i * 100 + 50))
      await writer.flush()
      assert.ok(writer.bufferBytes <= small)
    }
    await writer.close()
    // Who reads it holds the large block only until the next one.
    const fd = openSync((listSegments(dir)[0] as { path: string }).path, 'r')
    const scanner = new BlockScanner(fd, 0)
    let most = 0
    for (let block = scanner.next(head.head); block !== undefined; block = scanner.next(head.head)) {
      block.payload()
      most = Math.max(most, scanner.heldBytes)
    }
    closeSync(fd)
    assert.ok(most >= large && most < 1.1 * large, `it held ${most} bytes`)
    assert.ok(scanner.heldBytes <= small, `it holds ${scanner.heldBytes} bytes`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
