import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { lockStore, ownerOf } from './store-lock.ts'

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

test('of many that find the same dead lock at once, one gets the store', { timeout: 60_000 }, async () => {
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
