// Runs the server in this process, from the lock of its store to its exit code. If a launcher has started it for the background, the
// launcher gets a message about the result of the start, unless it has ended meanwhile.

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { asFeedError, FeedError } from '../errors/feed-error.ts'
import type { FrontTls } from '../pg-server/front-tls.ts'
import { rememberStore } from '../postgres/embedded/store-dir.ts'
import { copiedFrom, takeStore, type CopiedStore } from '../postgres/embedded/store-lock.ts'
import type { FrontDoor, RunningServer, ServeOptions } from '../server/serve.ts'
import { urlHost, type Address } from './address.ts'
import { banner, sqlUrl, type Login } from './banner.ts'
import { errorText } from './error-text.ts'
import type { LogStyle } from './log-flags.ts'
import { serverLog } from './server-log.ts'
import { stopSignal } from './stop-signal.ts'

/** A server with the PostgreSQL that it works with. */
export interface ServerWithPostgres {
  /** The signal aborts when the server is to stop, also while it still waits for PostgreSQL. */
  readonly serve: (options: Omit<ServeOptions, 'backend'>, signal: AbortSignal) => Promise<RunningServer>
  /** Called before the program exits without having stopped cleanly. */
  readonly abandon: () => void
  /** As whom clients connect in the URL that is printed. */
  readonly login: Login
}

export interface ServerRun {
  readonly listen: Address
  readonly door: FrontDoor | undefined
  readonly http: Address
  readonly httpNames: readonly string[]
  readonly storeDir: string
  readonly externDir: string | undefined
  readonly refusesImplicit: boolean
  readonly refusesHttp: boolean
  readonly logStyle: LogStyle
  /** Warnings to write to the log as well. */
  readonly warnings: readonly string[]
  /** The files into which the process id and the SQL URL are written. */
  readonly files: { readonly pid: string | undefined; readonly url: string | undefined }
}

/** The message of a server in the background to its launcher. */
export interface Word {
  readonly tag: 'ready' | 'failed'
  readonly text: string
}

/** Settles with the exit code, once the server has stopped. */
export async function runServer(run: ServerRun, { serve, abandon, login }: ServerWithPostgres): Promise<number> {
  const { storeDir } = run
  const stopAsked = Promise.withResolvers<void>()
  const stop = new AbortController()
  const askStop = (): void => {
    stop.abort()
    stopAsked.resolve()
  }
  // Signals are handled from the beginning: an interrupted start stops what it has started.
  let log: Logger | undefined
  const { tls } = run.door ?? {}
  stopSignal({ asked: askStop, atOnce: abandon, reload: tls && (() => rereadCertificates(tls, log)) })
  const fresh = rememberStore(storeDir)
  const written: string[] = []
  let unlock: (() => void) | undefined
  let wasReady = false
  try {
    const original = copiedFrom(storeDir)
    unlock = await takeStore(storeDir)
    log = serverLog(storeDir, run.logStyle)
    const copied = original === undefined ? undefined : copyWarning(storeDir, original)
    if (copied !== undefined) process.stderr.write(`WARNING: ${copied}\n\n`)
    for (const warning of [...run.warnings, ...(copied === undefined ? [] : [copied])]) log.warn(warning)
    const { listen, door, http, httpNames, externDir, refusesImplicit, refusesHttp } = run
    const options = {
      listen,
      door,
      http,
      storeDir,
      externDir,
      refusesImplicit,
      refusesHttp,
      httpNames,
      log,
      onShutdown: askStop,
    }
    const server = await serve(options, stop.signal)
    try {
      if (!stop.signal.aborted) {
        const text = announce(run, { server, login, hasTls: tls !== undefined, written })
        wasReady = true
        tell({ tag: 'ready', text: copied === undefined ? text : `WARNING: ${copied}\n\n${text}` })
        await stopAsked.promise
      }
      process.stdout.write('initiating graceful shutdown of server\n')
    } finally {
      // The lock of the store is kept until nothing uses the store any more.
      await server.stop()
    }
    process.stdout.write('server drained and shutdown completed\n')
    return 0
  } catch (error) {
    tell({ tag: 'failed', text: errorText(error) })
    throw error
  } finally {
    if (unlock !== undefined) {
      for (const file of written) rmSync(file, { force: true })
      unlock()
      if (!wasReady) fresh.undo()
    }
  }
}

function copyWarning(storeDir: string, { dir, owner }: CopiedStore): string {
  return `the store ${storeDir} is a copy of ${dir}, taken while process ${owner} ran on it. Unless a snapshot of the file system made it in one moment, its data may be damaged: stop the server, and copy again. Its jobs run here as well as there: CANCEL or PAUSE them in one of the two`
}

interface Ready {
  readonly server: RunningServer
  readonly login: Login
  readonly hasTls: boolean
  /** Gets the files that are written. */
  readonly written: string[]
}

/** Writes the files with process id and URL, adds them to `written`, and returns the text to print. */
function announce({ listen, http, storeDir, files }: ServerRun, { server, login, hasTls, written }: Ready): string {
  const url = sqlUrl(listen, { port: server.sqlPort, hasTls, ...login })
  const write = (file: string, text: string, flag?: string): void => {
    try {
      writeFileSync(file, text)
    } catch (error) {
      const what = flag === undefined ? file : `${flag}=${file}`
      const { code, message } = error as NodeJS.ErrnoException
      throw new FeedError('FEED_START', `cannot write ${what}: ${message}`, {
        hint: code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full: free space there' : undefined,
      })
    }
    written.push(file)
  }
  if (files.pid !== undefined) write(files.pid, `${process.pid}\n`, '--pid-file')
  if (files.url !== undefined) write(files.url, `${url}\n`, '--listening-url-file')
  write(join(storeDir, 'http-address'), `${urlHost(http.host)}:${server.httpPort}`)
  const text = banner({ url, hasTls, http, httpPort: server.httpPort, storeDir })
  process.stdout.write(text)
  return text
}

function rereadCertificates(tls: FrontTls, log: Logger | undefined): void {
  try {
    tls.reread()
    log?.info({ validTo: tls.certificate.validTo }, 'the certificates have been read again')
    const expiry = tls.expiry()
    if (expiry !== undefined) log?.warn(expiry)
  } catch (error) {
    const { message, hint } = asFeedError(error)
    log?.error({ hint }, `${message}; new connections use the earlier certificates`)
  }
}

function tell(word: Word): void {
  if (!process.connected) return
  // A launcher that has just been killed needs no message.
  process.send?.(word, undefined, undefined, () => {
    if (process.connected) process.disconnect?.()
  })
}
