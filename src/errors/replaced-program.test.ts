import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { explainMissing, loadPart, programReplaced, rememberProgram } from './replaced-program.ts'

const dir = mkdtempSync(join(tmpdir(), 'changefeed-program-'))
after(() => rmSync(dir, { recursive: true, force: true }))
const path = join(dir, 'package.json')
const install = (version: string): void => writeFileSync(path, JSON.stringify({ name: 'x', version }))

/** The message of the error that a thread would get that starts now. */
async function inThread(): Promise<unknown> {
  const url = new URL('./replaced-program.ts', import.meta.url).href
  const code = `import(${JSON.stringify(url)}).then(({ programReplaced }) => require('node:worker_threads').parentPort.postMessage(programReplaced()?.message))`
  const worker = new Worker(code, { eval: true })
  const [message] = (await once(worker, 'message')) as unknown[]
  await worker.terminate()
  return message
}

test('a part whose files are missing says so, with what to do', async () => {
  const nowhere = pathToFileURL(join(dir, 'nowhere.js')).href
  await assert.rejects(
    loadPart(() => import(nowhere)),
    {
      message: /^a part of the program cannot be loaded: Cannot find module/,
      code: 'FEED_REPLACED',
      hint: /restart the server/,
    },
  )
  const failing = (): Promise<never> => Promise.reject(new Error('of its own'))
  await assert.rejects(loadPart(failing), { message: 'of its own' })
})

test('a thread whose files are missing says so, too, and its other errors are its own', async () => {
  const worker = new Worker(pathToFileURL(join(dir, 'nowhere.js')))
  const [thrown] = (await once(worker, 'error')) as unknown[]
  assert.match(String(explainMissing(thrown)), /a part of the program cannot be loaded: Cannot find module/)
  assert.equal((explainMissing(thrown) as { code?: unknown }).code, 'FEED_REPLACED')
  const own = new Error('of its own')
  assert.equal(explainMissing(own), own)
})

test('a program that was replaced while it runs loads no further part, also in its threads, and goes on with those that it has', async () => {
  const first = async (): Promise<string> => 'first'
  const second = async (): Promise<string> => 'second'
  assert.equal(await loadPart(second), 'second', 'nothing was remembered')
  install('0.1.0')
  rememberProgram([path])
  install('0.1.0')
  assert.equal(programReplaced(), undefined, 'it was installed again, and is the same')
  assert.equal(await loadPart(first), 'first')
  const third = async (): Promise<string> => 'third'
  for (const [replace, message] of [
    [() => install('0.2.0'), 'the program was replaced while this server runs, version 0.1.0 by 0.2.0'],
    [() => rmSync(path), 'the program was replaced while this server runs'],
  ] as const) {
    replace()
    await assert.rejects(loadPart(third), { message, code: 'FEED_REPLACED', hint: /^restart the server/ })
    assert.equal(await loadPart(first), 'first')
    assert.equal(await inThread(), message)
  }
  install('0.1.0')
  assert.equal(await loadPart(third), 'third')
})

test('another build of the same version is a replaced program', () => {
  const main = join(dir, 'main.js')
  install('0.1.0')
  writeFileSync(main, 'import "./chunks/a-1.js"')
  rememberProgram([path, main])
  assert.equal(programReplaced(), undefined)
  writeFileSync(main, 'import "./chunks/a-2.js"')
  assert.equal(programReplaced()?.message, 'the program was replaced while this server runs')
  writeFileSync(main, 'import "./chunks/a-1.js"')
  assert.equal(programReplaced(), undefined)
})
