// A result as a table:
//
//           job_id
//   +--------------------+
//     360645287206223873
//   (1 row)
//
// Names are centred, numbers stand right, the rest left. A value of several lines takes several lines.

import { shown, type Fields, type ResultColumn, type ResultWriter } from './display-format.ts'

/** int8, int2, int4, oid, float4, float8, money, numeric */
const numberOids: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 790, 1700])

export class TableWriter implements ResultWriter {
  readonly #columns: readonly ResultColumn[]
  readonly #rows: string[][][] = []

  constructor(columns: readonly ResultColumn[]) {
    this.#columns = columns
  }

  head(): string {
    return ''
  }

  row(fields: Fields): string {
    this.#rows.push(fields.map((field, index) => (shown(field, this.#columns[index]) ?? 'NULL').split('\n')))
    return ''
  }

  end(): string {
    const count = `(${this.#rows.length} ${this.#rows.length === 1 ? 'row' : 'rows'})\n`
    if (this.#columns.length === 0) return `--\n${count}`
    const widths = this.#columns.map(({ name }, index) => this.#width(name, index))
    const names = this.#columns.map(({ name }, index) => centred(name, widths[index] as number))
    const rule = widths.map((width) => '-'.repeat(width + 2)).join('+')
    let text = `  ${names.join(' | ')} \n+${rule}+\n`
    for (const row of this.#rows) text += this.#lines(row, widths)
    return text + count
  }

  #width(name: string, index: number): number {
    let width = displayWidth(name)
    for (const row of this.#rows) for (const line of row[index] ?? []) width = Math.max(width, displayWidth(line))
    return width
  }

  #lines(row: readonly string[][], widths: readonly number[]): string {
    const height = Math.max(...row.map((lines) => lines.length))
    let text = ''
    for (let i = 0; i < height; i++) {
      const cells = row.map((lines, index) => {
        const padding = ' '.repeat((widths[index] as number) - displayWidth(lines[i] ?? ''))
        const isNumber = numberOids.has(this.#columns[index]?.typeOid ?? 0)
        return isNumber ? padding + (lines[i] ?? '') : (lines[i] ?? '') + padding
      })
      text += `  ${cells.join(' | ')}`.trimEnd() + '\n'
    }
    return text
  }
}

function centred(text: string, width: number): string {
  const room = width - displayWidth(text)
  return ' '.repeat(Math.ceil(room / 2)) + text + ' '.repeat(Math.floor(room / 2))
}

const segmenter = new Intl.Segmenter()
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

/** Cells of a terminal. */
function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += wide.test(segment) ? 2 : 1
  return width
}
