// `changefeed debug log` on logs that are written, damaged and left as a crash leaves them.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { program, type ProgramResult } from '../../../test/server/program.ts'
import { insert, relid, remove, textColumn, TableLook, update, WrittenLog } from '../../../test/support/written-log.ts'
import { listSegments } from '../../changelog/files/segment.ts'

/** A store with the logs of some databases. */
class Store implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'debug-log-'))

  /** Copies the log as it lies on the disk now. */
  add(log: WrittenLog, oid = '16384', database: string | null = 'defaultdb'): void {
    const dir = this.logDir(oid)
    mkdirSync(dir, { recursive: true })
    cpSync(log.dir, dir, { recursive: true })
    if (database !== null) writeFileSync(join(dir, 'source.json'), JSON.stringify({ database, databaseOid: oid }))
  }

  logDir(oid = '16384'): string {
    return join(this.dir, 'changelog', oid)
  }

  async debug(...args: readonly string[]): Promise<ProgramResult> {
    const { code, stdout, stderr } = await program(['debug', 'log', `--store=${this.dir}`, ...args])
    return { code, stdout: stdout.replaceAll(/made \S+Z$/gm, 'made AT'), stderr }
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** Something of every kind; `segmentBytes` makes a segment of each block. */
async function written(segmentBytes?: number): Promise<WrittenLog> {
  const log = await WrittenLog.open(segmentBytes)
  const steps = [
    () => log.transaction([insert(['1', 'one']), insert(['2', 'two'])], true),
    () => log.closed(),
    () => log.gap('the slot was dropped'),
    () => log.writer.gap({ wall: 3500n, logical: 7 }, 1250n, 'event triggers were off', [relid]),
  ]
  for (const step of steps) {
    step()
    await log.writer.flush()
  }
  log.transaction([update(['1', 'one'], ['1', 'uno']), remove(['2', 'two'])])
  await log.writer.flush()
  return log
}

test('every kind of record is printed, with the names of tables and without the values of rows', async () => {
  using log = await written()
  await log.writer.close()
  using store = new Store()
  store.add(log)
  assert.deepEqual(await store.debug(), { code: 0, stdout: readFileSync(golden('log.txt'), 'utf8'), stderr: '' })
})

test('values are printed where they are asked for', async () => {
  using log = await written()
  log.transaction([
    new TableLook({ columns: [...new TableLook().columns, textColumn('c', 3)] }),
    insert(['3', 'a\n"b"', 'x'.repeat(1001)]),
  ])
  await log.writer.flush()
  await log.writer.close()
  using store = new Store()
  store.add(log)
  const rows = (await store.debug('--values')).stdout.split('\n').filter((line) => line.includes(' bytes  a='))
  assert.deepEqual(
    rows.map((line) => line.trim()),
    [
      'insert    public.t  22 bytes  a="1" b="one"',
      'insert    public.t  22 bytes  a="2" b="two"',
      'update    public.t  39 bytes  a="1" b="uno"  before: a="1" b="one"',
      'delete    public.t  22 bytes  a="2" b="two"',
      `insert    public.t  1030 bytes  a="3" b="a\\n\\"b\\"" c="${'x'.repeat(1000)}"… (1001 bytes)`,
    ],
  )
})

test('a part of the log is chosen by position, timestamp, number of blocks and table', async () => {
  using log = await written(1)
  await log.writer.close()
  using store = new Store()
  store.add(log)
  const blocks = async (...args: readonly string[]): Promise<string[]> => {
    const { code, stdout } = await store.debug(...args)
    assert.equal(code, 0)
    return stdout.split('\n').flatMap((line) => /^block \d+ .*resolved (\S+)/.exec(line)?.[1] ?? [])
  }
  const all = await blocks()
  assert.equal(all.length, 6)
  assert.deepEqual(await blocks('--after=2000'), all.slice(2))
  assert.deepEqual(await blocks('--after=1999'), all.slice(1))
  assert.deepEqual(await blocks('--limit=2'), all.slice(0, 2))
  const { stdout } = await store.debug()
  const third = Number([...stdout.matchAll(/^block (\d+) .*resolved/gm)][2]?.[1])
  assert.deepEqual(await blocks(`--from=${third}`, '--limit=1'), all.slice(2, 3))
  assert.deepEqual(await blocks(`--from=${third + 1}`, '--limit=1'), all.slice(3, 4))
  // The gap of all tables and the one of this table, and its transactions; no closed timestamps.
  assert.deepEqual(await blocks('--table=t'), [all[1], ...all.slice(3)])
  assert.deepEqual(await blocks('--table=public.t'), [all[1], ...all.slice(3)])
})

test('a damaged log is printed around its damage, which has positions, and the exit code is 2', async () => {
  using log = await written(1)
  await log.writer.close()
  const positions = await (async () => {
    using store = new Store()
    store.add(log)
    return [...(await store.debug()).stdout.matchAll(/^block (\d+) {2}(\d+) bytes {2}resolved/gm)].map(
      ([, at, size]) => ({ at: Number(at), end: Number(at) + Number(size) }),
    )
  })()
  const second = positions[1] as { at: number; end: number }
  const damages: readonly (readonly [what: string, damage: (path: string, start: number) => void, why: RegExp])[] = [
    ['a byte of a row', (path, start) => flip(path, second.end - start - 1), /fails its checksum/],
    ['a byte of a header', (path, start) => flip(path, second.at - start + 30), /no block can be read there/],
    ['the end of a file', (path, start) => truncateSync(path, second.at - start), /no block can be read there/],
  ]
  for (const [what, damage, why] of damages) {
    using store = new Store()
    store.add(log)
    const segment = listSegments(store.logDir()).findLast(({ start }) => start < second.at)
    damage(segment?.path ?? '', segment?.start ?? 0)
    const { code, stdout, stderr } = await store.debug()
    assert.deepEqual([code, stderr], [2, ''], what)
    const found = /^damage {3}positions (\d+) to (\d+): (.*)$/m.exec(stdout)
    assert.deepEqual([Number(found?.[1]), Number(found?.[2])], [second.at, second.end], stdout)
    assert.match(found?.[3] ?? '', why)
    const shown = [...stdout.matchAll(/^block (\d+) .*resolved/gm)].map(([, at]) => Number(at))
    assert.deepEqual(
      shown,
      positions.map(({ at }) => at).filter((at) => at !== second.at),
      what,
    )
  }
})

test('the beginning of a transaction that is not complete is not printed, and counted', async () => {
  using log = await written()
  log.writer.begin({ wall: 1_000_000n, logical: 0 }, 5000n, 9, 0n)
  const large = insert(['4', 'y'.repeat(1000)])
  for (let i = 0; i < 400; i++) log.writer.row(relid, true, large, 0, large.length)
  using store = new Store()
  store.add(log)
  const { code, stdout } = await store.debug()
  await log.writer.close()
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, /1000000\.0/)
  const [, unfinished] = /^after it: (\d+) bytes of a transaction that is not complete/m.exec(stdout) ?? []
  assert.ok(Number(unfinished) > 256 * 1024, stdout)
})

test('a reader of a long log who leaves ends it quietly', async () => {
  using log = await WrittenLog.open()
  for (let i = 0; i < 200; i++)
    log.transaction(
      Array.from({ length: 500 }, () => insert(['1', 'x'])),
      i === 0,
    )
  await log.writer.flush()
  await log.writer.close()
  using store = new Store()
  store.add(log)
  const main = fileURLToPath(new URL('../../main.ts', import.meta.url))
  const command = '("$0" "$1" debug log --store="$2"; echo "code $?" >&2) | head -n 3'
  const child = spawn('sh', ['-c', command, process.execPath, main, store.dir])
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  await new Promise((resolve) => child.once('close', resolve))
  assert.deepEqual([out.split('\n').length, err], [4, 'code 0\n'])
})

test('what cannot be found has a hint', async () => {
  using log = await written()
  await log.writer.close()
  using store = new Store()
  const failed = async (...args: readonly string[]): Promise<string> => {
    const { code, stderr } = await store.debug(...args)
    assert.equal(code, 1)
    return stderr.replaceAll(store.dir, 'STORE')
  }
  const hint = 'HINT: name the store with --store\n'
  assert.equal(await failed(), `ERROR: STORE is no store: it has no folder "changelog"\n${hint}`)
  assert.equal(
    await failed('--store=/nonexistent'),
    `ERROR: there is no store /nonexistent: it has no folder "changelog"\n${hint}`,
  )
  mkdirSync(store.logDir('.'), { recursive: true })
  assert.match(await failed(), /^ERROR: the store STORE holds no changelog\nHINT: .*first changefeed\n$/)
  store.add(log)
  store.add(log, '16385', 'movr')
  store.add(log, '16386', null)
  const names = /HINT: there is one of: defaultdb, movr, 16386\. For example: .* debug log --store=STORE defaultdb\n$/
  assert.match(await failed(), /^ERROR: the store STORE holds 3 changelogs\n/)
  assert.match(await failed(), names)
  assert.match(await failed('movies'), /^ERROR: the store STORE holds no changelog of database "movies"\n/)
  assert.match(await failed('movies'), names)
  for (const name of ['movr', '16385', '16386']) assert.equal((await store.debug(name)).code, 0)
  assert.equal(
    await failed('movr', '--table=u'),
    'ERROR: no table "u" is in this part of the changelog\nHINT: it describes: public.t\n',
  )
  assert.match(await failed('--from=x'), /^ERROR: --from=x is not a whole number\nHINT: ".* debug log --help" lists/)
  assert.match(await failed('--from=1', '--after=1'), /^ERROR: --from and --after both say where to begin\n/)
  assert.match(await failed('--after=yesterdayish'), /^ERROR: --after: .*neither timestamp, decimal, nor interval\n/)
})

function golden(name: string): string {
  return fileURLToPath(new URL(`golden/${name}`, import.meta.url))
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] ?? 0) ^ 0xff
  writeFileSync(path, bytes)
}
