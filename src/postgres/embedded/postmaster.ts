// One run of the postmaster: starts it, waits until it is ready, stops it. If an earlier server of ours was killed, its postmaster still
// runs and is stopped first: PostgreSQL makes sure that no two postmasters use the same data folder.

import { late, orLate } from '../../async/or-late.ts'
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { FeedError } from '../../errors/feed-error.ts'
import type { Binaries } from './binaries.ts'
import type { ServerUser } from './server-user.ts'
import { loggedSince, startFailure } from './start-failure.ts'

const readyWithinMs = 120_000
const stopWithinMs = 30_000

/** How long to wait for the last output after the process has ended. */
const lastWordsMs = 200

export interface PostmasterOptions {
  readonly dir: string
  readonly socketDir: string
  readonly port: number
  readonly binaries: Binaries
  readonly user: ServerUser | undefined
}

export interface Postmaster {
  readonly pid: number
  /** The last output of the process, and its exit code or signal. */
  readonly exited: Promise<string>
  /** Returns whether a shutdown was requested and the process still runs. */
  isLeaving(): boolean
  stop(mode: 'fast' | 'immediate'): Promise<void>
}

/**
 * How many connections clients may have; the rest of `max_connections` is for changefeeds, jobs and repairs. Scans
 * take most of it: four kinds with 12 turns of three connections, and one more while they open (feed/pool/scan-turns.ts), and the
 * cuts of statements (server/feeds/held-cuts.ts).
 */
export const maxClients = 300

const settings = {
  wal_level: 'logical',
  track_commit_timestamp: 'on',
  // Our event triggers report DDL on watched tables, so ALTER SYSTEM must not switch them off.
  event_triggers: 'on',
  max_replication_slots: '128',
  max_wal_senders: '128',
  max_connections: String(maxClients + 300),
  max_prepared_transactions: '0',
  listen_addresses: '',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgresql-%a.log',
  log_truncate_on_rotation: 'on',
  log_rotation_age: '1d',
  log_rotation_size: '0',
  // The text of a failed statement is not logged: a mistyped CREATE CHANGEFEED is sent to PostgreSQL and may contain passwords of sinks.
  log_min_error_statement: 'panic',
  // A source may be idle for days. The stream answers keepalives, so a dead reader is still noticed.
  wal_sender_timeout: '60s',
  // A statement that waits, such as SHOW JOB WHEN COMPLETE, ends when its client has disconnected.
  client_connection_check_interval: '1s',
  max_wal_size: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
} as const

export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { dir, socketDir, port, binaries, user } = options
  const startedAtMs = Date.now()
  const flags = Object.entries({
    ...settings,
    port: String(port),
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
  })
  const child = spawn(binaries.postgres, ['-D', dir, ...flags.flatMap(([name, value]) => ['-c', `${name}=${value}`])], {
    ...user,
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    // Ctrl-C in a terminal signals the whole process group, and PostgreSQL must run until our server has stopped cleanly.
    detached: true,
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)))
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    // The event `exit` is used and not `close`: a process that is still computing may keep the output open for hours.
    child.on('exit', (code, signal) => {
      const end = (): void =>
        resolve(`${said.trim()}\n${loggedSince(dir, startedAtMs)}\n(${signal ?? `exit code ${code}`})`)
      child.once('close', end)
      setTimeout(end, lastWordsMs)
    })
  })
  await ready(child, dir, exited)
  return {
    pid: child.pid ?? 0,
    exited,
    isLeaving(): boolean {
      const lines = pidFile(dir)
      return lines !== undefined && Number(lines[0]) === child.pid && lines[7]?.trim() === 'stopping'
    },
    async stop(mode): Promise<void> {
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      if ((await orLate(exited, stopWithinMs)) === late) {
        child.kill('SIGQUIT')
        await exited
      }
    },
  }
}

/** Waits until the postmaster is ready. Line 1 of postmaster.pid is its process id, line 8 its state. */
async function ready(child: ChildProcess, dir: string, exited: Promise<string>): Promise<void> {
  const deadline = Date.now() + readyWithinMs
  let end: string | undefined
  void exited.then((text) => (end = text))
  for (;;) {
    if (end !== undefined) throw startFailure('PostgreSQL', end, dirname(dir))
    const lines = pidFile(dir)
    if (lines !== undefined && Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return
    if (Date.now() > deadline) {
      child.kill('SIGKILL')
      throw new FeedError('FEED_START', `PostgreSQL was not ready within ${readyWithinMs / 1000} s`, {
        hint: `see ${join(dir, 'log')}`,
      })
    }
    await delay(5)
  }
}

function pidFile(dir: string): string[] | undefined {
  const path = join(dir, 'postmaster.pid')
  try {
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n') : undefined
  } catch {
    return undefined
  }
}

/** Signals the postmaster on `dir` to end without waiting for it, for a program that must exit at once. */
export function abandonPostmaster(dir: string): void {
  const pid = Number(pidFile(dir)?.[0])
  if (Number.isInteger(pid) && pid > 1 && isPostmasterOf(pid, dir)) process.kill(pid, 'SIGQUIT')
}

/** Returns the process id of the postmaster that runs on `dir`. */
export function postmasterOn(dir: string): number | undefined {
  const pid = Number(pidFile(dir)?.[0])
  return Number.isInteger(pid) && pid > 1 && isPostmasterOf(pid, dir) ? pid : undefined
}

/** Stops a postmaster on `dir` whose server has ended. */
export async function stopOrphan(dir: string): Promise<void> {
  const pid = postmasterOn(dir)
  if (pid === undefined) return
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    process.kill(pid, signal)
    for (let waited = 0; waited < 10_000; waited += 20) {
      if (!isPostmasterOf(pid, dir)) return
      await delay(20)
    }
  }
  throw new FeedError('FEED_START', `PostgreSQL process ${pid} still runs on ${dir} and does not stop`)
}

/**
 * A copy of a folder in use holds the pid file of the original, and PostgreSQL does not start beside a living process that
 * the file names. Call only when no postmaster runs on `dir`: whatever process that is, it is not one of this folder.
 */
export function forgetOtherPostmaster(dir: string): void {
  const pid = Number(pidFile(dir)?.[0])
  if (existsSync('/proc/self') && existsSync(`/proc/${pid}`) && postmasterOn(dir) === undefined)
    rmSync(join(dir, 'postmaster.pid'), { force: true })
}

/** Returns whether the folder of a socket belongs to a running postmaster on another data folder than `dir`. */
export function isSocketOfAnother(socketDir: string, { dir, port }: { dir: string; port: number }): boolean {
  try {
    const pid = Number(readFileSync(join(socketDir, `.s.PGSQL.${port}.lock`), 'utf8').split('\n')[0])
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres' && !isPostmasterOf(pid, dir)
  } catch {
    return false
  }
}

function isPostmasterOf(pid: number, dir: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  try {
    // The working directory of a postmaster is its data folder, even if the folder was renamed.
    const folder = readlinkSync(`/proc/${pid}/cwd`)
    if (folder !== '/')
      return folder === realpathSync(dir) && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres'
  } catch {
    // The process belongs to another user, or there is no /proc.
  }
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return words[words.indexOf('-D') + 1] === dir
  } catch {
    // Without /proc, a running process with this id is taken for the postmaster.
    return !existsSync('/proc/self')
  }
}
