// A new segment begins with what was known before the block that follows it. These logs are full of DDL and begin a new
// segment at every block.

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { logStart, type LogReader, type Position } from '../changelog.ts'
import { record } from '../records.ts'
import { LogHead } from './log-head.ts'
import { LogWriter } from './log-writer.ts'
import { openFiles } from './open-files.ts'
import { recoverLog } from './recover.ts'
import { listSegments } from './segment.ts'

/** Rows as text, each with the schema and relation record that were the last ones of its table before it. */
function rowsWithTables(reader: LogReader): { position: number; text: string }[] {
  const rows: { position: number; text: string }[] = []
  const known = new Map<string, string>()
  for (let block = reader.next(); block !== undefined; block = reader.next()) {
    const payload = block.payload()
    for (let at = 0; at < payload.length;) {
      const start = at + 4
      at = start + payload.readUInt32BE(at)
      const tag = payload[start]
      if (tag === record.schema) {
        const text = payload.toString('utf8', start + 1, at)
        const { relid, dropped } = JSON.parse(text) as { relid: number; dropped?: boolean }
        if (dropped === true) {
          known.delete(`S${relid}`)
          known.delete(`R${relid}`)
        } else known.set(`S${relid}`, text)
      } else if (tag === record.relation)
        known.set(`R${payload.readUInt32BE(start + 1)}`, payload.toString('latin1', start + 5, at))
      else if (tag === record.insert) {
        const relid = payload.readUInt32BE(start + 1)
        const row = payload.toString('latin1', start + 5, at).slice(0, 12)
        rows.push({ position: block.position, text: `${row} ${known.get(`S${relid}`)} ${known.get(`R${relid}`)}` })
      }
    }
  }
  return rows
}

function knownText(known: ReturnType<typeof recoverLog>['known']): string[] {
  return [...known]
    .map(([relid, { schema, relation }]) => `${relid} ${schema?.toString('latin1')} ${relation?.toString('latin1')}`)
    .sort()
}

/** Writes transactions of rows and DDL. Gives what the writer had said of the tables at each flush, by position. */
async function writeLog(dir: string, head: LogHead, seed: number): Promise<Map<number, string[]>> {
  let state = seed
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  const writer = new LogWriter({ dir, head, recovered: recoverLog(dir), segmentBytes: 1 })
  const said = new Map<number, { schema?: Buffer; relation?: Buffer }>()
  const atFlush = new Map<number, string[]>()
  let version = 0
  const ddl = (relid: number): void => {
    version += 1
    if (random(12) === 0) {
      writer.schema(relid, Buffer.from(JSON.stringify({ relid, version, dropped: true })), true)
      said.delete(relid)
      return
    }
    const known = said.get(relid) ?? {}
    if (random(3) > 0) {
      const json = Buffer.from(JSON.stringify({ relid, version }))
      writer.schema(relid, json, false)
      known.schema = Buffer.concat([Buffer.from('S'), json])
    }
    if (random(3) > 0) {
      const relation = Buffer.concat([Buffer.of(0x52, 0, 0, 0, relid), Buffer.from(`layout ${version}`)])
      writer.relation(relid, relation, 0, relation.length)
      known.relation = relation
    }
    if (known.schema !== undefined || known.relation !== undefined) said.set(relid, known)
  }
  for (let i = 1; i <= 70; i++) {
    writer.begin({ wall: BigInt(i), logical: 0 }, BigInt(i * 100), i, 0n)
    const isLarge = random(15) === 0
    for (let row = random(6) + (isLarge ? 8 : 0); row >= 0; row--) {
      if (random(2) === 0) ddl(1 + random(4))
      const text = `${i}/${row} ${'x'.repeat(isLarge ? 90_000 : random(50))}`
      const relid = 1 + random(4)
      const message = Buffer.concat([Buffer.of(0x49, 0, 0, 0, relid), Buffer.from(text)])
      writer.row(relid, true, message, 0, message.length)
      // In the middle of a transaction a flush writes the complete part of the block only.
      if (random(6) === 0) await writer.flush()
    }
    if (random(3) === 0) ddl(1 + random(4))
    writer.commit(BigInt(i * 100 + 50))
    if (random(3) !== 0) continue
    await writer.flush()
    atFlush.set(head.head, knownText(said))
  }
  await writer.flush()
  atFlush.set(head.head, knownText(said))
  await writer.close()
  return atFlush
}

for (let seed = 1; seed <= 2; seed++) {
  test(`with a new segment at every block, rows meet the same tables from wherever reading starts (seed ${seed})`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'changelog-roll-'))
    try {
      const head = new LogHead()
      await writeLog(dir, head, seed)
      const log = openFiles({ tag: 'files', dir, shared: head.shared })
      using whole = log.readFrom(logStart)
      const rows = rowsWithTables(whole)
      const segments = listSegments(dir)
      assert.ok(segments.length > 30)
      for (const { start } of segments) {
        using reader = log.readFrom(start as Position)
        assert.deepEqual(
          rowsWithTables(reader),
          rows.filter(({ position }) => position >= start),
        )
      }
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })

  test(`a restart at the end of any segment knows the tables as they were there (seed ${seed})`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'changelog-roll-'))
    try {
      const head = new LogHead()
      const atFlush = await writeLog(dir, head, seed)
      let compared = 0
      for (const { start } of listSegments(dir)) {
        const copy = mkdtempSync(join(tmpdir(), 'changelog-roll-cut-'))
        try {
          cpSync(dir, copy, { recursive: true })
          for (const segment of listSegments(copy)) if (segment.start >= start) rmSync(segment.path)
          const recovered = recoverLog(copy)
          const expected = atFlush.get(recovered.position)
          if (expected === undefined) continue
          assert.deepEqual(knownText(recovered.known), expected)
          compared += 1
        } finally {
          rmSync(copy, { recursive: true, force: true })
        }
      }
      assert.ok(compared > 5)
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  })
}
