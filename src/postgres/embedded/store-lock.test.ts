import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { fork, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../../../test/support/until.ts'
import { copiedFrom, lockStore, ownerOf, takeStore } from './store-lock.ts'

function store(): { readonly dir: string; [Symbol.dispose](): void } {
  const dir = mkdtempSync(join(tmpdir(), 'store-lock-'))
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) }
}

test('a store is one process’s until it lets go', () => {
  using at = store()
  const unlock = lockStore(at.dir)
  assert.equal(ownerOf(at.dir), process.pid)
  assert.throws(() => lockStore(at.dir), {
    code: 'FEED_START',
    message: `the store ${at.dir} is in use by process ${process.pid}`,
    hint: /quit --insecure --store=/,
  })
  assert.deepEqual(readdirSync(at.dir), ['changefeed.lock'])
  unlock()
  assert.equal(ownerOf(at.dir), undefined)
  assert.deepEqual(readdirSync(at.dir), [])
})

test('a lock whose owner is dead, is another process by now, or was cut short, is nobody’s', () => {
  using at = store()
  for (const text of ['', '4194305 77', `${process.pid} 1`, 'not a lock']) {
    writeFileSync(join(at.dir, 'changefeed.lock'), text)
    assert.equal(ownerOf(at.dir), undefined)
    lockStore(at.dir)()
  }
})

test('the owner of a store does not own a copy of it, and still owns it where it was moved to', () => {
  using at = store()
  const [original, copy, moved] = ['a store', 'copy', 'moved'].map((name) => join(at.dir, name)) as [
    string,
    string,
    string,
  ]
  const unlock = lockStore(original)
  cpSync(original, copy, { recursive: true })
  assert.equal(ownerOf(copy), undefined)
  assert.deepEqual(copiedFrom(copy), { dir: original, owner: process.pid })
  assert.equal(copiedFrom(original), undefined)
  lockStore(copy)()
  unlock()
  lockStore(original)
  renameSync(original, moved)
  assert.equal(ownerOf(moved), process.pid)
  assert.equal(copiedFrom(moved), undefined)
  assert.throws(() => lockStore(moved), { code: 'FEED_START' })
})

test('a zombie owns no store', { skip: process.platform !== 'linux' }, async () => {
  using at = store()
  // The shell starts a process that ends when its input does, becomes something that never asks for the exit code, and
  // so keeps a zombie.
  const parent = spawn('sh', ['-c', 'head -c 1 <&3 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  })
  try {
    const pid = Number(
      await new Promise<string>((resolve) => parent.stdout?.once('data', (data) => resolve(String(data)))),
    )
    const stat = (): string[] => {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
      return text.slice(text.lastIndexOf(')') + 2).split(' ')
    }
    writeFileSync(join(at.dir, 'changefeed.lock'), `${pid} ${stat()[19]}`)
    assert.equal(ownerOf(at.dir), pid)
    ;(parent.stdio[3] as Writable).end('x')
    await until('it is a zombie', 10_000, () => (stat()[0] === 'Z' ? true : undefined))
    assert.equal(ownerOf(at.dir), undefined)
    lockStore(at.dir)()
  } finally {
    parent.kill('SIGKILL')
  }
})

test('a store whose owner is just ending is waited for', { skip: process.platform !== 'linux' }, async () => {
  using at = store()
  const owner = spawn('sleep', ['0.4'])
  const stat = readFileSync(`/proc/${owner.pid}/stat`, 'utf8')
  writeFileSync(join(at.dir, 'changefeed.lock'), `${owner.pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`)
  assert.equal(ownerOf(at.dir), owner.pid)
  const unlock = await takeStore(at.dir)
  assert.equal(ownerOf(at.dir), process.pid)
  unlock()
})

test('a right to replace a dead lock that died with its holder is replaced itself', () => {
  using at = store()
  const dead = '4194305 77'
  const right = createHash('sha256').update(dead).digest('hex').slice(0, 8)
  writeFileSync(join(at.dir, 'changefeed.lock'), dead)
  writeFileSync(join(at.dir, `changefeed.lock.${right}`), '4194306 78')
  const unlock = lockStore(at.dir)
  assert.equal(ownerOf(at.dir), process.pid)
  unlock()
  assert.deepEqual(readdirSync(at.dir), [])
})

test('of many that find the same dead lock at once, one gets the store', { timeout: 180_000 }, async () => {
  using at = store()
  const script = fileURLToPath(new URL('../../../test/support/lock-process.ts', import.meta.url))
  writeFileSync(join(at.dir, 'changefeed.lock'), '4194305 77')
  const children = Array.from({ length: 6 }, () => fork(script, [at.dir], { execArgv: [] }))
  try {
    const said = (child: (typeof children)[number]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        child.once('message', resolve)
        child.once('error', reject)
      })
    await Promise.all(children.map(said))
    for (const child of children) child.send('go')
    const answers = await Promise.all(children.map(said))
    assert.equal(answers.filter((answer) => answer === 'locked').length, 1, JSON.stringify(answers))
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
})
