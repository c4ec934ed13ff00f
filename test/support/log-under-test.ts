// For tests of changelog files: a log that a test writes block by block, and what a reader gets of it.

import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hlc } from '../../src/core/hlc.ts'
import type { LogBlock, LogReader } from '../../src/changelog/changelog.ts'
import { record } from '../../src/changelog/records.ts'
import { LogHead } from '../../src/changelog/files/log-head.ts'
import { LogWriter } from '../../src/changelog/files/log-writer.ts'
import { openFiles } from '../../src/changelog/files/open-files.ts'
import { recoverLog } from '../../src/changelog/files/recover.ts'
import { removeStore } from './kept-stores.ts'

/** A small seeded generator: tests repeat. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export class Log implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'changelog-'))
  readonly head = new LogHead()
  writer: LogWriter
  wall = 0n
  lsn = 100n

  constructor(segmentBytes?: number) {
    this.writer = new LogWriter({ dir: this.dir, head: this.head, recovered: recoverLog(this.dir), segmentBytes })
  }

  begin(): Hlc {
    const ts = { wall: (this.wall += 10n), logical: 3 }
    this.writer.begin(ts, (this.lsn += 10n), 7, 0n)
    return ts
  }

  insert(relid: number, text: string): void {
    const message = Buffer.concat([Buffer.of(0x49, 0, 0, 0, relid), Buffer.from(text)])
    this.writer.row(relid, true, message, 0, message.length)
  }

  transaction(relid: number, texts: readonly string[]): Hlc {
    const ts = this.begin()
    for (const text of texts) this.insert(relid, text)
    this.writer.commit(this.lsn + 5n)
    return ts
  }

  reopen(head = new LogHead(), segmentBytes?: number): LogWriter {
    return new LogWriter({ dir: this.dir, head, recovered: recoverLog(this.dir), segmentBytes })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.close()
    removeStore(this.dir)
  }
}

export function texts(payload: Buffer): string[] {
  const found: string[] = []
  for (let at = 0; at < payload.length;) {
    const length = payload.readUInt32BE(at)
    if (payload[at + 4] === record.insert) found.push(payload.toString('utf8', at + 9, at + 4 + length))
    at += 4 + length
  }
  return found
}

export function blocks(reader: LogReader): { block: LogBlock; texts: string[] }[] {
  const all: { block: LogBlock; texts: string[] }[] = []
  for (let block = reader.next(); block !== undefined; block = reader.next())
    all.push({ block, texts: texts(block.payload()) })
  return all
}

export function allTexts(dir: string, head: LogHead): string[] {
  using reader = openFiles({ tag: 'files', dir, shared: head.shared }).readFrom(head.tail)
  return blocks(reader).flatMap((entry) => entry.texts)
}
