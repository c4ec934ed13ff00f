// Reads the text that PostgreSQL's test_decoding plugin prints, with include-xids and include-timestamp on:
//
//   BEGIN 771
//   table public.foo: INSERT: id[bigint]:1 "odd name"[character varying]:'it''s' big[text]:unchanged-toast-datum
//   table public.foo: UPDATE: old-key: id[bigint]:1 new-tuple: id[bigint]:2 v[text]:null
//   table public.foo: DELETE: id[bigint]:2            (or: (no-tuple-data))
//   table public.foo, public.bar: TRUNCATE: (no-flags)
//   COMMIT 771 (at 2026-11-24 06:52:57.123456+00)

export interface DecodedColumn {
  readonly name: string
  /** As format_type() names it. */
  readonly type: string
  readonly text: string | null
  /** An out-of-line value that the change left alone; `text` is empty. */
  readonly unchanged: boolean
}

export interface DecodedChange {
  /** Without the schema. */
  readonly table: string
  readonly op: 'insert' | 'update' | 'delete' | 'truncate'
  /** Old identity columns, when the plugin prints them (deletes, changed keys, REPLICA IDENTITY FULL). */
  readonly oldKey: readonly DecodedColumn[] | undefined
  readonly after: readonly DecodedColumn[] | undefined
}

export interface DecodedTransaction {
  readonly xid: number
  /** Text form of the LSN of the commit record. */
  readonly commitLsn: string
  /** Nanoseconds since 1970. */
  readonly commitWall: bigint
  readonly changes: readonly DecodedChange[]
}

export interface DecodedLine {
  readonly lsn: string
  readonly data: string
}

/** Complete transactions only: a slot never hands out half of one. */
export function parseTransactions(lines: Iterable<DecodedLine>): DecodedTransaction[] {
  const transactions: DecodedTransaction[] = []
  let changes: DecodedChange[] = []
  for (const { lsn, data } of lines) {
    if (data.startsWith('BEGIN ')) {
      changes = []
    } else if (data.startsWith('COMMIT ')) {
      const match = /^COMMIT (\d+) \(at (.+)\)$/.exec(data)
      if (match === null) throw new Error(`unreadable line of test_decoding: ${data}`)
      transactions.push({
        xid: Number(match[1]),
        commitLsn: lsn,
        commitWall: parseCommitTime(match[2] as string),
        changes,
      })
    } else if (data.startsWith('table ')) {
      changes.push(...parseChange(data))
    }
  }
  return transactions
}

/** `2026-11-24 06:52:57.123456+00`: the session's TimeZone must be UTC. */
function parseCommitTime(text: string): bigint {
  const match = /^(\d+-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00$/.exec(text)
  if (match === null) throw new Error(`unreadable commit time ${text}`)
  const seconds = BigInt(Date.parse(`${match[1]}T${match[2]}Z`) / 1000)
  return (seconds * 1_000_000n + BigInt((match[3] ?? '').padEnd(6, '0'))) * 1000n
}

function parseChange(data: string): DecodedChange[] {
  const cursor = new Cursor(data, 'table '.length)
  const tables: string[] = []
  do {
    cursor.identifier()
    cursor.expect('.')
    tables.push(cursor.identifier())
  } while (cursor.accept(', '))
  cursor.expect(': ')
  const table = tables[0] as string
  if (cursor.accept('TRUNCATE:')) {
    return tables.map((name) => ({ table: name, op: 'truncate', oldKey: undefined, after: undefined }))
  }
  if (cursor.accept('INSERT: ')) return [{ table, op: 'insert', oldKey: undefined, after: cursor.columns() }]
  if (cursor.accept('DELETE: ')) return [{ table, op: 'delete', oldKey: cursor.columns(), after: undefined }]
  if (cursor.accept('UPDATE: ')) {
    const oldKey = cursor.accept('old-key: ') ? cursor.columns() : undefined
    if (oldKey !== undefined) cursor.expect('new-tuple: ')
    return [{ table, op: 'update', oldKey, after: cursor.columns() }]
  }
  throw new Error(`unreadable line of test_decoding: ${data.slice(0, 200)}`)
}

class Cursor {
  readonly #text: string
  #at: number

  constructor(text: string, at: number) {
    this.#text = text
    this.#at = at
  }

  accept(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false
    this.#at += word.length
    return true
  }

  expect(word: string): void {
    if (!this.accept(word)) {
      throw new Error(`expected "${word}" at ${this.#at} of test_decoding's ${this.#text.slice(0, 200)}`)
    }
  }

  identifier(): string {
    if (this.#text[this.#at] === '"') return this.#quoted('"')
    const start = this.#at
    while (/[^\s.:,[\]]/.test(this.#text[this.#at] ?? ' ')) this.#at += 1
    return this.#text.slice(start, this.#at)
  }

  /** { identifier '[' type ']:' value ' ' } up to the end or to `new-tuple: ` */
  columns(): DecodedColumn[] {
    const columns: DecodedColumn[] = []
    if (this.accept('(no-tuple-data)')) throw new Error('a change without its tuple: the table has no replica identity')
    while (this.#at < this.#text.length && !this.#text.startsWith('new-tuple: ', this.#at)) {
      const name = this.identifier()
      const type = this.#type()
      this.expect(':')
      columns.push(this.#value(name, type))
      this.accept(' ')
    }
    return columns
  }

  /** '[' … ']', where the type may be an array's (`text[]`) and hold quoted names. */
  #type(): string {
    this.expect('[')
    const start = this.#at
    for (let depth = 1; ; this.#at++) {
      const char = this.#text[this.#at]
      if (char === undefined) throw new Error(`unterminated type in test_decoding's ${this.#text.slice(0, 200)}`)
      if (char === '[') depth += 1
      if (char === ']') depth -= 1
      if (depth === 0) break
    }
    return this.#text.slice(start, this.#at++)
  }

  #value(name: string, type: string): DecodedColumn {
    if (this.accept('null')) return { name, type, text: null, unchanged: false }
    if (this.accept('unchanged-toast-datum')) return { name, type, text: '', unchanged: true }
    if (this.#text.startsWith("B'", this.#at)) this.#at += 1
    if (this.#text[this.#at] === "'") return { name, type, text: this.#quoted("'"), unchanged: false }
    const start = this.#at
    const space = this.#text.indexOf(' ', start)
    this.#at = space < 0 ? this.#text.length : space
    return { name, type, text: this.#text.slice(start, this.#at), unchanged: false }
  }

  /** A doubled quote stands for one. */
  #quoted(quote: string): string {
    let out = ''
    let start = this.#at + 1
    for (;;) {
      const end = this.#text.indexOf(quote, start)
      if (end < 0) throw new Error(`unterminated quote in test_decoding's ${this.#text.slice(0, 200)}`)
      out += this.#text.slice(start, end)
      if (this.#text[end + 1] !== quote) {
        this.#at = end + 1
        return out
      }
      out += quote
      start = end + 2
    }
  }
}
