// What processes cost, from /proc: CPU seconds and memory of one process, of its threads by name, and of PostgreSQL with
// all its processes. Without a /proc (not Linux) everything is 0.

import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100

/** CPU seconds so far, all threads; 0 for a process that is gone. */
export function cpuOf(pid: number): number {
  return timesOf(`/proc/${pid}/stat`).own
}

/** CPU seconds of the programs that this process started and waited for. */
export function endedChildrenCpu(): number {
  return timesOf('/proc/self/stat').ended
}

/** The most memory that it ever held, MB. Not `maxRSS`, which a process inherits from the one that started it. */
export function peakMbOf(pid: number): number {
  return statusMb(pid, 'VmHWM')
}

/** The memory that it holds now, MB. */
export function residentMbOf(pid: number): number {
  return statusMb(pid, 'VmRSS')
}

export interface TreeCpu {
  readonly total: number
  /** Of it, the living walsenders. */
  readonly walsenders: number
}

/** CPU seconds of a postmaster and of its processes, those that ended included. */
export function postgresCpu(postmaster: number): TreeCpu {
  const { own, ended } = timesOf(`/proc/${postmaster}/stat`)
  let total = own + ended
  let walsenders = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const times = timesOf(`/proc/${pid}/stat`)
    if (times.parent !== postmaster) continue
    total += times.own
    if (read(`/proc/${pid}/cmdline`).startsWith('postgres: walsender')) walsenders += times.own
  }
  return { total, walsenders }
}

export interface ThreadCpu {
  readonly ingest: number
  readonly feed: number
  /** The main thread, and JIT and GC of all. */
  readonly rest: number
}

/** CPU seconds of the living threads of a process of ours, by the names that it gives them. */
export function threadCpu(pid: number): ThreadCpu {
  const cpu = { ingest: 0, feed: 0, rest: 0 }
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const name = read(`/proc/${pid}/task/${thread}/comm`).trim()
    cpu[name === 'ingest' || name === 'feed' ? name : 'rest'] += timesOf(`/proc/${pid}/task/${thread}/stat`).own
  }
  return cpu
}

/** `ended`: of children that have ended and were waited for. */
function timesOf(path: string): { readonly parent: number; readonly own: number; readonly ended: number } {
  const text = read(path)
  // pid (name) state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime …
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = fields.slice(11, 15).map(Number)
  return {
    parent: Number(fields[1]),
    own: (user + system) / ticksPerSecond,
    ended: (endedUser + endedSystem) / ticksPerSecond,
  }
}

function statusMb(pid: number, field: string): number {
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024)
}

/** Nothing where the process, or thread, ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
