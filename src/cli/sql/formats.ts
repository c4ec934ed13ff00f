// How the shell prints results. Every format but `table` prints a row the moment it comes; `table` waits for its widths,
// but not for long, so that an endless result shows in it too.

export type Format = 'table' | 'csv' | 'tsv' | 'ndjson'
export const formats: readonly Format[] = ['table', 'csv', 'tsv', 'ndjson']

export interface Column {
  readonly name: string
  readonly typeOid: number
}

export interface Printer {
  columns(columns: readonly Column[]): void
  row(values: readonly (string | null)[]): void
  /** The result is complete. */
  end(): void
}

/** `write` takes text with its newlines. */
export function printer(format: Format, write: (text: string) => void): Printer {
  if (format === 'table') return new TablePrinter(write)
  const line = { csv: csvLine, tsv: tsvLine, ndjson: ndjsonLine }[format]
  let names: readonly string[] = []
  return {
    columns(columns) {
      names = columns.map(({ name }) => name)
      if (format !== 'ndjson') write(line(names, names))
    },
    row: (values) => write(line(values, names)),
    end: () => undefined,
  }
}

/** RFC 4180. */
function csvLine(values: readonly (string | null)[]): string {
  return `${values.map((value) => csvField(value ?? 'NULL')).join(',')}\n`
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function tsvLine(values: readonly (string | null)[]): string {
  const escape = (text: string): string =>
    text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  return `${values.map((value) => (value === null ? 'NULL' : escape(value))).join('\t')}\n`
}

function ndjsonLine(values: readonly (string | null)[], names: readonly string[]): string {
  return `${JSON.stringify(Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])))}\n`
}

const holdRows = 1000
const holdMs = 300
/** int8 int2 int4 oid float4 float8 numeric */
const numeric: ReadonlySet<number> = new Set([20, 21, 23, 26, 700, 701, 1700])

class TablePrinter implements Printer {
  readonly #write: (text: string) => void
  #columns: readonly Column[] = []
  #held: (readonly (string | null)[])[] | undefined = []
  #widths: number[] = []
  #rows = 0
  #timer: NodeJS.Timeout | undefined

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  columns(columns: readonly Column[]): void {
    this.#columns = columns
    this.#held = []
    this.#rows = 0
    this.#timer = setTimeout(() => this.#release(), holdMs)
  }

  row(values: readonly (string | null)[]): void {
    this.#rows += 1
    if (this.#held === undefined) this.#print(values)
    else if (this.#held.push(values) >= holdRows) this.#release()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#release()
    this.#write(`(${this.#rows} row${this.#rows === 1 ? '' : 's'})\n`)
  }

  #release(): void {
    const held = this.#held
    if (held === undefined) return
    this.#held = undefined
    this.#widths = this.#columns.map(({ name }, i) => Math.max(width(name), ...held.map((values) => width(values[i] ?? 'NULL'))))
    const names = this.#columns.map(({ name }, i) => center(name, this.#widths[i] ?? 0))
    this.#write(`  ${names.join(' | ').trimEnd()}\n`)
    this.#write(`${this.#widths.map((n, i) => '-'.repeat(n + (i === 0 ? 3 : 2))).join('+')}\n`)
    for (const values of held) this.#print(values)
  }

  #print(values: readonly (string | null)[]): void {
    const cells = values.map((value, i) => {
      const text = (value ?? 'NULL').replaceAll('\n', '\\n')
      const pad = ' '.repeat(Math.max(0, (this.#widths[i] ?? 0) - width(text)))
      return numeric.has(this.#columns[i]?.typeOid ?? 0) ? pad + text : text + pad
    })
    this.#write(`  ${cells.join(' | ').trimEnd()}\n`)
  }
}

function width(text: string): number {
  return [...text].length
}

function center(text: string, to: number): string {
  const space = Math.max(0, to - width(text))
  const left = Math.floor(space / 2)
  return ' '.repeat(left) + text + ' '.repeat(space - left)
}

/** bytea's hex form as text, with what cannot be printed as `\ooo`. */
export function bytesAsText(hex: string): string {
  if (!hex.startsWith('\\x')) return hex
  const bytes = Buffer.from(hex.slice(2), 'hex')
  const text = bytes.toString('utf8')
  if (Buffer.from(text).equals(bytes) && !/[\u0000-\u001f\u007f]/.test(text)) return text
  return Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`,
  ).join('')
}
