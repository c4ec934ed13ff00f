// How a line of the server's log looks. `json` is what the logger writes; the other two are made from it.
//
//   text      2026-11-29T05:12:37.535Z INFO  [kafka-producer] Successfully initialized new client job=1065
//   crdb-v1   I261129 05:12:37.535000 4242 feed/pool/feed-pool.ts:88  [kafka-producer] Successfully initialized new client job=1065
//
// In crdb-v1, the number after the time is the process id, and the file is the one that wrote the line.

import type { LogFormat } from './log-flags.ts'

const severities: readonly (readonly [least: number, word: string])[] = [
  [60, 'FATAL'],
  [50, 'ERROR'],
  [40, 'WARN'],
  [30, 'INFO'],
  [0, 'DEBUG'],
]

/** `json`: one line of the logger, with its line feed. */
export function lineOf(format: Exclude<LogFormat, 'json'>, json: string): string {
  const { level, time, msg, caller, ...rest } = JSON.parse(json) as {
    readonly level: number
    readonly time: string
    readonly msg?: string
    readonly caller?: string
  } & Readonly<Record<string, unknown>>
  const word = severities.find(([least]) => level >= least)?.[1] ?? 'DEBUG'
  const fields = Object.entries(rest).map(([name, value]) => `${name}=${shown(value)}`)
  const text = [msg ?? '', ...fields].join(' ').replace(/\p{Cc}/gu, visible)
  if (format === 'text') return `${time} ${word.padEnd(5)} ${text}\n`
  const [, year = '', month = '', day = '', clock = ''] = /^\d\d(\d\d)-(\d\d)-(\d\d)T(.+)Z$/.exec(time) ?? []
  return `${word.charAt(0)}${year}${month}${day} ${clock}000 ${process.pid} ${caller ?? ''}  ${text}\n`
}

/** Names of tables and answers of far ends may have characters that make a terminal do something. */
function visible(control: string): string {
  return control === '\n' ? '\\n' : `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)
}

/** `room/file.ts:line` of the first frame of a stack that is neither the logger nor this room's own log. */
export function callerOf(stack: string): string {
  for (const line of stack.split('\n').slice(1)) {
    if (line.includes('node_modules') || line.includes('server-log.')) continue
    const [, path, number] = /\/(?:src|dist)\/([^:)]+):(\d+):\d+\)?$/.exec(line) ?? []
    if (path !== undefined) return `${path}:${number ?? ''}`
  }
  return 'unknown:0'
}
