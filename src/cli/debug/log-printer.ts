// Prints a changelog step by step: a line for each segment, block and record.

import { basename } from 'node:path'
import type { LogSurvey, Surveyed } from '../../changelog/files/survey-files.ts'
import { lengthBytes, record, recordEnd } from '../../changelog/records.ts'
import { compareHlc, formatHlc, type Hlc } from '../../core/hlc.ts'
import { formatLsn } from '../../core/lsn.ts'
import { SchemaHistory } from '../../decode/schema-history.ts'
import { FeedError } from '../../errors/feed-error.ts'
import type { FoundLog } from './find-log.ts'
import { RecordText, type RecordPlace } from './record-text.ts'
import type { TextWriter } from './text-writer.ts'

type SurveyedBlock = Extract<Surveyed, { tag: 'block' }>

export interface LogPrinterOptions {
  readonly out: TextWriter
  /** Blocks before this position are not printed. */
  readonly from: number
  /** Blocks without anything above this timestamp are not printed. */
  readonly after: Hlc | undefined
  /** Only records that concern the table of this name are printed. */
  readonly table: string | undefined
  readonly showsValues: boolean
}

export class LogPrinter {
  readonly #options: LogPrinterOptions
  readonly #schemas = new SchemaHistory()
  readonly #text: RecordText
  /** The line of a segment of which nothing has been printed yet. */
  #segment: string | undefined
  /** With `table`: the line of a transaction of which nothing has been printed yet, and whether something has. */
  #begin: string | undefined
  #isBegun = false
  /** Names of the tables that the log has described so far. */
  readonly tables = new Set<string>()
  /** The number of blocks that were printed. */
  blocks = 0
  damages = 0

  constructor(options: LogPrinterOptions) {
    this.#options = options
    this.#text = new RecordText(this.#schemas, options.showsValues)
  }

  /** Whether the log has described the table in the options. */
  get hasTable(): boolean {
    return [...this.tables].some((name) => this.#isMeant(name))
  }

  log({ database, oid }: FoundLog, { segments, tail, end }: LogSurvey): void {
    const name = database === undefined ? '' : ` "${database}"`
    this.#line(`changelog of database${name} (oid ${oid}): positions ${tail} to ${end}, segments: ${segments.length}`)
  }

  step(step: Surveyed): void {
    switch (step.tag) {
      case 'segment': {
        const { segment, bytes, createdMs } = step
        const made = new Date(createdMs).toISOString()
        this.#segment = `segment ${basename(segment.path)}  from position ${segment.start}  ${bytes} bytes  made ${made}`
        return
      }
      case 'removed':
        this.#line(`removed  ${basename(step.segment.path)}: retention has taken it meanwhile`)
        return
      case 'damage':
        this.damages += 1
        this.#line(`damage   positions ${step.from} to ${step.to}: ${step.why}`)
        return
      case 'block':
        this.#block(step)
    }
  }

  /** `isDurable` says whether everything shown is known to be durable. */
  end({ server }: FoundLog, { end, unfinishedBytes }: LogSurvey, isDurable: boolean): void {
    const what = isDurable ? '' : ', which may not be durable yet: the server does not say how far it is'
    this.#line(`end of the log at position ${end}${what}`)
    if (server !== undefined) this.#line(`a server, process ${server}, continues to write it`)
    if (unfinishedBytes > 0)
      this.#line(
        `after it: ${unfinishedBytes} bytes of a transaction that is not complete, or of a write that was cut off`,
      )
  }

  #block(step: SurveyedBlock): void {
    const { block, payload, isPreamble } = step
    const shows = this.#shows(step)
    if (!shows && !block.hasSchema) return
    const lines: string[] = []
    let isOpen = block.open !== undefined
    // The line of the block names the transaction already.
    if (isOpen) this.#begin = undefined
    for (let at = 0; at + lengthBytes < payload.length;) {
      const place = { payload, start: at + lengthBytes, end: recordEnd(payload, at + lengthBytes) }
      at = place.end
      const tag = payload[place.start]
      if (!this.#read(place, isOpen, lines)) continue
      if (tag === record.begin) isOpen = true
      else if (tag === record.commit) isOpen = false
    }
    if (!shows || (lines.length === 0 && this.#options.table !== undefined)) return
    if (this.#segment !== undefined) this.#line(this.#segment)
    this.#segment = undefined
    const within = block.open === undefined ? '' : `  in transaction ${formatHlc(block.open.ts)}`
    const facts = isPreamble
      ? 'preamble: what is known before the segment'
      : `resolved ${formatHlc(block.resolved)}  end ${formatLsn(block.endLsn)}${within}${block.continues ? '  continues' : ''}`
    this.#line(`block ${block.position}  ${block.totalBytes} bytes  ${facts}`)
    for (const line of lines) this.#line(line)
    if (!isPreamble) this.blocks += 1
  }

  #shows({ block }: SurveyedBlock): boolean {
    const { from, after } = this.#options
    if (block.position < from) return false
    if (after === undefined || compareHlc(block.resolved, after) > 0) return true
    return block.open !== undefined && compareHlc(block.open.ts, after) > 0
  }

  /** Adds the lines of a record. Returns false if the record cannot be read. */
  #read(place: RecordPlace, isOpen: boolean, lines: string[]): boolean {
    try {
      const relations = this.#text.relationsOf(place)
      this.#learn(place, relations)
      const line = `${isOpen && place.payload[place.start] !== record.commit ? '    ' : '  '}${this.#text.line(place, relations)}`
      if (this.#options.table === undefined) lines.push(line)
      else this.#select(place, { line, relations, isOpen }, lines)
      return true
    } catch (error) {
      if (!(error instanceof FeedError)) throw error
      this.damages += 1
      lines.push(`  damage    a record of ${place.end - place.start} bytes: ${error.message}`)
      return false
    }
  }

  /** Keeps the names and columns of tables, which schema and relation records change. */
  #learn({ payload, start, end }: RecordPlace, relations: readonly number[] | undefined): void {
    const tag = payload[start]
    if (tag !== record.schema && tag !== record.relation) return
    this.#schemas.apply(payload, start, end)
    for (const relid of relations ?? []) this.tables.add(this.#text.nameOf(relid))
  }

  /** With `table`, a transaction is printed only if one of its records concerns the table. */
  #select(
    { payload, start }: RecordPlace,
    {
      line,
      relations,
      isOpen,
    }: { readonly line: string; readonly relations: readonly number[] | undefined; readonly isOpen: boolean },
    lines: string[],
  ): void {
    const tag = payload[start] as number
    if (tag === record.begin) this.#begin = line
    else if (tag === record.commit) {
      if (this.#isBegun) lines.push(line)
      this.#begin = undefined
      this.#isBegun = false
    } else if (this.#concerns(tag, relations)) {
      if (this.#begin !== undefined) lines.push(this.#begin)
      this.#begin = undefined
      this.#isBegun = isOpen
      lines.push(line)
    }
  }

  /** A gap without relations concerns every table. */
  #concerns(tag: number, relations: readonly number[] | undefined): boolean {
    if (relations === undefined) return tag === record.gap
    return relations.some((relid) => this.#isMeant(this.#text.nameOf(relid)))
  }

  #isMeant(name: string): boolean {
    const { table } = this.#options
    return table === name || table === name.slice(name.indexOf('.') + 1)
  }

  #line(text: string): void {
    this.#options.out.line(text)
  }
}
