// Starts a server that continues when its launcher ends: the program starts itself again as a detached process and waits until the
// server is ready. Ctrl-C before that ends both. If the launcher is killed or its terminal closed, the server continues.

import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { commandName, shellWord } from '../core/command-line.ts'
import { FeedError } from '../errors/feed-error.ts'
import { makeStoreDir, rememberStore } from '../postgres/embedded/store-dir.ts'
import type { Word } from './run-server.ts'

const interruptedCode = 130

export interface BackgroundCommand {
  /** The command that starts the server, and its arguments. */
  readonly command: string
  readonly argv: readonly string[]
  readonly storeDir: string
  /** Variables of the server, beside those of this process. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/** Settles with the exit code when the server is ready or has failed. */
export async function runInBackground({ command, argv, storeDir, environment }: BackgroundCommand): Promise<number> {
  const fresh = rememberStore(storeDir)
  const output = openOutput(storeDir)
  const child = spawn(
    process.execPath,
    [...process.execArgv, process.argv[1] ?? '', command, ...argv.filter((flag) => flag !== '--background')],
    { detached: true, stdio: ['ignore', output, output, 'ipc'], env: { ...process.env, ...environment } },
  )
  closeSync(output)
  const { promise, resolve } = Promise.withResolvers<Word | { readonly tag: 'died'; readonly text: string }>()
  child.on('message', (word: Word) => resolve(word))
  const ended = Promise.withResolvers<void>()
  child.on('exit', (code, signal) => {
    const how = signal ?? `exit code ${code}`
    resolve({ tag: 'died', text: `ERROR: the server ended with ${how}; see ${join(storeDir, 'logs')}\n` })
    ended.resolve()
  })
  let isInterrupted = false
  const interrupt = (): void => {
    isInterrupted = true
    child.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  const { tag, text } = await promise
  if (isInterrupted) {
    await ended.promise
    process.stderr.write('ERROR: interrupted; the server that was starting has stopped\n')
    return interruptedCode
  }
  if (tag !== 'ready') {
    process.stderr.write(text)
    // The reason has been printed, so a store that this start has made is removed together with the output in it.
    if (tag === 'failed') await ended.promise.then(() => fresh.undo())
    return 1
  }
  if (child.connected) child.disconnect()
  child.unref()
  const insecure = command === 'start-single-node' ? '--insecure ' : ''
  process.stdout.write(`${text}stop:    ${commandName()} quit ${insecure}--store=${shellWord(storeDir)}\n`)
  return 0
}

/** Opens the file for the output of the server in the background. */
function openOutput(storeDir: string): number {
  makeStoreDir(storeDir)
  const logs = join(storeDir, 'logs')
  try {
    mkdirSync(logs, { recursive: true, mode: 0o700 })
    return openSync(join(logs, 'changefeed.out'), 'a', 0o600)
  } catch (error) {
    throw new FeedError('FEED_START', `cannot write into ${logs}: ${(error as Error).message}`)
  }
}
