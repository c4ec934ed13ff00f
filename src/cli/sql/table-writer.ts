// Prints a result as a table:
//
//           job_id
//   +--------------------+
//     360645287206223873
//   (1 row)
//
// Names are centred, numbers aligned right and other values left. A value of several lines takes several lines.

import { typeOids } from '../../wire/type-oids.ts'
import { printable } from './printable.ts'
import { RecordsWriter } from './records-writer.ts'
import { shown, type Fields, type ResultColumn, type ResultWriter } from './result-writer.ts'

const { int8, int2, int4, oid, float4, float8, money, numeric } = typeOids
const numberOids: ReadonlySet<number> = new Set([int8, int2, int4, oid, float4, float8, money, numeric])

export class TableWriter implements ResultWriter {
  readonly #columns: readonly ResultColumn[]
  readonly #maxWidth: number
  readonly #rows: Fields[] = []
  #widths: readonly number[] = []
  #count = 0

  /** A table that needs more cells than `maxWidth` is printed as records. */
  constructor(columns: readonly ResultColumn[], maxWidth = Number.POSITIVE_INFINITY) {
    this.#columns = columns.map(({ name, typeOid }) => ({ name: printable(name), typeOid }))
    this.#maxWidth = maxWidth
  }

  head(): string {
    return ''
  }

  row(fields: Fields): string {
    this.#rows.push(fields)
    return ''
  }

  end(): string {
    if (this.#columns.length === 0) return `--\n${rowCount(this.#rows.length)}`
    const head = this.begin(...this.#rows)
    if (head.indexOf('\n') > this.#maxWidth) {
      const records = new RecordsWriter(this.#columns)
      return this.#rows.map((fields) => records.row(fields)).join('') + records.end()
    }
    return head + this.#rows.map((fields) => this.line(fields)).join('') + this.finish()
  }

  /** Returns the head of a table whose columns are as wide as the names and `rows` need. */
  begin(...rows: readonly Fields[]): string {
    const cells = rows.map((fields) => this.#cells(fields))
    this.#widths = this.#columns.map(({ name }, index) => {
      let width = displayWidth(name)
      for (const row of cells) for (const line of row[index] ?? []) width = Math.max(width, displayWidth(line))
      return width
    })
    const names = this.#columns.map(({ name }, index) => centred(name, this.#widths[index] ?? 0))
    const rule = this.#widths.map((width) => '-'.repeat(width + 2)).join('+')
    return `  ${names.join(' | ')} \n+${rule}+\n`
  }

  /** Returns one row, which may be wider than the rows of `begin`. */
  line(fields: Fields): string {
    this.#count += 1
    const row = this.#cells(fields)
    const height = Math.max(1, ...row.map((lines) => lines.length))
    let text = ''
    for (let i = 0; i < height; i++) {
      const cells = row.map((lines, index) => {
        const padding = ' '.repeat(Math.max(0, (this.#widths[index] ?? 0) - displayWidth(lines[i] ?? '')))
        const isNumber = numberOids.has(this.#columns[index]?.typeOid ?? 0)
        return isNumber ? padding + (lines[i] ?? '') : (lines[i] ?? '') + padding
      })
      text += `  ${cells.join(' | ')}`.trimEnd() + '\n'
    }
    return text
  }

  finish(): string {
    return rowCount(this.#count)
  }

  /** Returns the lines of each value. */
  #cells(fields: Fields): string[][] {
    return fields.map((field, index) => printable(shown(field, this.#columns[index]) ?? 'NULL').split('\n'))
  }
}

export function rowCount(count: number): string {
  return `(${count} ${count === 1 ? 'row' : 'rows'})\n`
}

function centred(text: string, width: number): string {
  const room = width - displayWidth(text)
  return ' '.repeat(Math.ceil(room / 2)) + text + ' '.repeat(Math.floor(room / 2))
}

const segmenter = new Intl.Segmenter()
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** Returns how many cells of a terminal the text needs. */
function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}
