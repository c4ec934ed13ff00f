// changefeed debug log: prints a changelog as text. The command only reads the files of a store, so it works on a store
// without a server, beside a running server, and on a damaged log.

import { resolve } from 'node:path'
import { surveyFiles, type LogSurvey } from '../../changelog/files/survey-files.ts'
import { compareHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import { FeedError } from '../../errors/feed-error.ts'
import { parseMoment } from '../../plan/timestamp-text.ts'
import { readFlagsAndNames } from '../read-flags.ts'
import { UsageError } from '../usage-error.ts'
import { askDurableEnd } from './durable-end.ts'
import { findLog, type FoundLog } from './find-log.ts'
import { LogPrinter } from './log-printer.ts'
import { TextWriter } from './text-writer.ts'

const help = `Usage: changefeed debug log [flags] [database]

Prints what is in the changelog of a database: its blocks with their positions, and their transactions, schema changes, gaps
and closed timestamps. It only reads; a server may run on the store. Exit code 2: a part of the log is damaged.

  --store=DIR            the store (changefeed-data)
  --from=POSITION        begin at the block at this position, or at the next one
  --after=TIMESTAMP      begin at the first block with something later, as "updated" and "cursor" write it
  --limit=N              print at most N blocks
  --table=NAME           only what concerns this table, named as in the log: "t" or "public.t"
  --values               also print the values of rows, which are the data of your users
`

const flags = {
  store: { type: 'string', short: 's', default: 'changefeed-data' },
  from: { type: 'string' },
  after: { type: 'string' },
  limit: { type: 'string' },
  table: { type: 'string' },
  values: { type: 'boolean', default: false },
} as const

const damagedCode = 2

export async function debugLog(argv: readonly string[]): Promise<number> {
  const read = readFlagsAndNames(argv, flags, help)
  if (read === undefined) return 0
  const { values, names } = read
  if (names.length > 1) throw new UsageError(`unexpected argument "${names[1]}"`, 'name one database')
  if (values.from !== undefined && values.after !== undefined)
    throw new UsageError('--from and --after both say where to begin', 'leave one of them out')
  const from = values.from === undefined ? 0 : wholeNumber('--from', values.from)
  const after = values.after === undefined ? undefined : readTimestamp(values.after)
  const limit = values.limit === undefined ? Number.POSITIVE_INFINITY : wholeNumber('--limit', values.limit)
  const storeDir = resolve(values.store)
  const { log, survey, isDurable } = await openLog(storeDir, names[0])
  const out = new TextWriter(process.stdout)
  const printer = new LogPrinter({ out, from, after, table: values.table, showsValues: values.values })
  printer.log(log, survey)
  for (const step of survey.read(after === undefined ? from : startAfter(survey, after))) {
    printer.step(step)
    await out.drain()
    if (out.isClosed || printer.blocks >= limit) break
  }
  const isCut = printer.blocks >= limit
  if (isCut) out.line(`${limit} blocks were printed; the log goes on to position ${survey.end}`)
  else printer.end(log, survey, isDurable)
  await out.flush()
  if (printer.damages > 0) return damagedCode
  if (values.table === undefined || isCut || printer.hasTable || out.isClosed) return 0
  const known = [...printer.tables].sort().join(', ')
  throw new UsageError(
    `no table "${values.table}" is in this part of the changelog`,
    `it describes: ${known || 'none'}`,
  )
}

interface OpenedLog {
  readonly log: FoundLog
  readonly survey: LogSurvey
  /** Whether everything up to the end is known to be durable. */
  readonly isDurable: boolean
}

async function openLog(storeDir: string, database: string | undefined): Promise<OpenedLog> {
  try {
    const log = findLog(storeDir, database)
    const survey = surveyFiles(log.dir)
    if (log.server === undefined) return { log, survey, isDurable: true }
    const durable = await askDurableEnd(storeDir, log.database, survey.tail)
    return { log, survey: surveyFiles(log.dir, durable), isDurable: durable !== undefined }
  } catch (error) {
    if (error instanceof FeedError) throw error
    throw new FeedError('FEED_START', `cannot read the store ${storeDir}: ${(error as Error).message}`, {
      hint: 'run the command as the user who starts the server',
    })
  }
}

/** Returns a position from which a reader sees everything above `after`. */
function startAfter(survey: LogSurvey, after: Hlc): number {
  const isBefore = (resolved: Hlc | undefined): boolean => resolved !== undefined && compareHlc(resolved, after) <= 0
  return survey.segments.findLast((segment) => isBefore(survey.resolvedAt(segment)))?.start ?? 0
}

function wholeNumber(flag: string, text: string): number {
  const number = Number(text)
  if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number
  throw new UsageError(`${flag}=${text} is not a whole number`)
}

function readTimestamp(text: string): Hlc {
  const moment = parseMoment(text)
  if (moment.tag === 'at') return moment.at
  if (moment.tag === 'from-now') return { wall: BigInt(Date.now()) * 1_000_000n + moment.nanos, logical: 0 }
  throw new UsageError(`--after: ${moment.message}`, `write it as in messages, such as ${formatHlc(example)}`)
}

const example: Hlc = { wall: 1_536_242_855_577_149_065n, logical: 0 }
