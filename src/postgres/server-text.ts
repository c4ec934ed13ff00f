// Converts the text of databases whose encoding is neither UTF8 nor SQL_ASCII to UTF-8. If PostgreSQL converted it, it would refuse a
// whole row, and with it all later changes, because of one character that has no equivalent in Unicode. So rows are read in the
// encoding of the database and converted here, with a table of PostgreSQL's own conversions. A character without an equivalent
// becomes bytes that are not valid UTF-8, which every encoder prints as \ufffd. Each such character gets other bytes, so that
// different keys remain different.
//
// In all encodings of servers, ASCII characters are one byte, and every byte of another character has its high bit set: the
// separators in a line of COPY are never a part of a character.

interface Queries {
  query(sql: string): Promise<(string | null)[][]>
}

/** Decides how many bytes a character has, by its first byte. */
type Family = 'one byte' | 'euc' | 'euc jp' | 'euc tw'

const families: Readonly<Record<string, Family>> = {
  EUC_CN: 'euc',
  EUC_KR: 'euc',
  EUC_JP: 'euc jp',
  EUC_JIS_2004: 'euc jp',
  EUC_TW: 'euc tw',
}

/** The single shifts of the EUC encodings. */
const ss2 = 0x8e
const ss3 = 0x8f
/** Cells of one plane: two bytes of seven bits. */
const planeCells = 1 << 14
/** Stands for a byte that is no character. */
const stray = 0xff
/** Bytes that do not begin a character in UTF-8 and are therefore no text after a whole character: continuation bytes, and invalid bytes. */
const continuing = Array.from({ length: 64 }, (_, i) => 0x80 + i)
const never = [0xc0, 0xc1, ...Array.from({ length: 11 }, (_, i) => 0xf5 + i)]
const meaningless = [...continuing, ...never]
/** Bytes that begin a character in UTF-8, of which nothing comes when a byte follows that never stands. */
const leading = Array.from({ length: 51 }, (_, i) => 0xc2 + i)
/** For the first byte of what a long character becomes; no short one becomes anything that begins so. */
const firstOfLong = [0xc0, 0xc1]
const firstOfTwo = meaningless.filter((byte) => !firstOfLong.includes(byte))

/** The tables of this thread; each has a few megabytes at most. */
const tables = new Map<string, ServerText>()

/** Returns undefined if rows of this database need no conversion. */
export async function serverText(queries: Queries): Promise<ServerText | undefined> {
  const [row] = await queries.query('SHOW server_encoding')
  const encoding = row?.[0] ?? 'UTF8'
  if (encoding === 'UTF8' || encoding === 'SQL_ASCII') return undefined
  const known = tables.get(encoding)
  if (known !== undefined) return known
  const text = new ServerText(families[encoding] ?? 'one byte')
  for (const group of text.groups) text.learn(group, await ask(queries, encoding, group))
  tables.set(encoding, text)
  return text
}

/** The statement for a connection whose rows are converted here. */
export const unconvertedSql = `SET client_encoding = 'SQL_ASCII'`

/** Characters that differ in their last one or two bytes, or in the last one only. */
interface Group {
  readonly prefix: string
  readonly last: 1 | 2
}

/** The first byte that a character can end with. */
const firstByte = (family: Family): number => (family === 'one byte' ? 0x80 : 0xa1)

/**
 * The first and the last byte that can stand before the last one. Of two bytes in EUC_TW, PostgreSQL checks only the second:
 * it stores pairs with every first byte that has its high bit.
 */
function highBytes(family: Family, prefix: string): readonly [number, number] {
  return family === 'euc tw' && prefix === '' ? [0x80, 0xff] : [0xa1, 0xfe]
}

/** Returns for each character of the group the hexadecimal digits of its UTF-8, or nothing. */
async function ask(queries: Queries, encoding: string, { prefix, last }: Group): Promise<readonly string[]> {
  const family = families[encoding] ?? 'one byte'
  const from = firstByte(family)
  const high = last === 2 ? `generate_series(${highBytes(family, prefix).join()}) AS h` : '(VALUES (0)) AS h (h)'
  const byte = (name: string): string => `lpad(to_hex(${name}), 2, '0')`
  const text = last === 2 ? `'${prefix}' || ${byte('h')} || ${byte('l')}` : `'${prefix}' || ${byte('l')}`
  // A DO block is used because only plpgsql catches errors; it returns its result in a setting of the session.
  await queries.query(`DO $do$ DECLARE c bytea; found text[] := '{}';
    BEGIN
      FOR c IN SELECT decode(${text}, 'hex') FROM ${high}, generate_series(${from}, ${last === 2 ? 254 : 255}) AS l ORDER BY h, l LOOP
        BEGIN
          found := array_append(found, encode(convert(c, '${encoding}', 'UTF8'), 'hex'));
        EXCEPTION WHEN character_not_in_repertoire OR untranslatable_character THEN
          found := array_append(found, '');
        END;
      END LOOP;
      PERFORM set_config('changefeed.characters', array_to_string(found, ' '), false);
    END $do$`)
  const [row] = await queries.query(
    `SELECT current_setting('changefeed.characters'), set_config('changefeed.characters', '', false)`,
  )
  return (row?.[0] ?? '').split(' ')
}

export class ServerText {
  readonly #family: Family
  readonly groups: readonly Group[]
  /** For each character, the offset and the length of its UTF-8 in `#bytes`. */
  readonly #cells: Uint32Array
  #bytes = Buffer.from([stray])
  /** Characters without an equivalent, by their length. */
  readonly #unmapped = [0, 0, 0, 0, 0]

  constructor(family: Family) {
    this.#family = family
    this.groups = groupsOf(family)
    // The first byte, alone.
    this.#cells = new Uint32Array(family === 'one byte' ? 128 : this.groups.length * planeCells).fill(1)
  }

  /** Stores PostgreSQL's conversions of the characters of a group. */
  learn(group: Group, hex: readonly string[]): void {
    const first = firstByte(this.#family)
    const low = this.groups.indexOf(group) * planeCells + (first & 0x7f)
    const width = 254 - first + 1
    const high = highBytes(this.#family, group.prefix)[0] & 0x7f
    const parts: Buffer[] = [this.#bytes]
    let offset = this.#bytes.length
    const length = group.prefix.length / 2 + group.last
    hex.forEach((text, i) => {
      const cell = group.last === 1 ? i : ((high + Math.floor(i / width)) << 7) + (i % width)
      const bytes = text === '' ? meaninglessBytes(this.#count(length), length) : Buffer.from(text, 'hex')
      this.#cells[low + cell] = (offset << 4) | bytes.length
      parts.push(bytes)
      offset += bytes.length
    })
    this.#bytes = Buffer.concat(parts)
  }

  /** Returns the length of the UTF-8 of `bytes[start, end)`; -1 if it has only ASCII. */
  size(bytes: Buffer, start: number, end: number): number {
    let at = start
    while (at < end && (bytes[at] as number) < 0x80) at += 1
    if (at === end) return -1
    let size = at - start
    while (at < end) {
      if ((bytes[at] as number) < 0x80) {
        at += 1
        size += 1
        continue
      }
      const length = this.#length(bytes, at, end)
      size += (this.#cells[this.#cell(bytes, at, length)] as number) & 15
      at += length
    }
    return size
  }

  /** Writes the UTF-8 of `bytes[start, end)` to `into` at `to`; returns the offset after it. */
  write(bytes: Buffer, start: number, end: number, into: Buffer, to: number): number {
    const characters = this.#bytes
    let at = start
    let out = to
    while (at < end) {
      const byte = bytes[at] as number
      if (byte < 0x80) {
        into[out++] = byte
        at += 1
        continue
      }
      const length = this.#length(bytes, at, end)
      const cell = this.#cells[this.#cell(bytes, at, length)] as number
      at += length
      const from = cell >>> 4
      const until = from + (cell & 15)
      for (let i = from; i < until; i++) into[out++] = characters[i] as number
    }
    return out
  }

  #count(length: number): number {
    const n = this.#unmapped[length] as number
    this.#unmapped[length] = n + 1
    return n
  }

  /** Returns the length of the character at `at`; 1 if there is no character. */
  #length(bytes: Buffer, at: number, end: number): number {
    const family = this.#family
    if (family === 'one byte') return 1
    const first = bytes[at] as number
    let length = 2
    if (first === ss3 && family !== 'euc') length = 3
    else if (first === ss2 && family === 'euc tw') length = 4
    if (at + length > end) return 1
    for (let i = 1; i < length; i++) if ((bytes[at + i] as number) < 0x80) return 1
    return length
  }

  /** The first cells of the EUC encodings belong to no character. */
  #cell(bytes: Buffer, at: number, length: number): number {
    const family = this.#family
    const first = bytes[at] as number
    const last = (bytes[at + length - 1] as number) & 0x7f
    if (family === 'one byte') return first & 0x7f
    if (length === 1) return 0
    if (length === 2) {
      if (family === 'euc jp' && first === ss2) return planeCells + last
      return ((first & 0x7f) << 7) + last
    }
    const high = ((bytes[at + length - 2] as number) & 0x7f) << 7
    if (family === 'euc jp') return 2 * planeCells + high + last
    const plane = (bytes[at + 1] as number) - 0xa0
    return length === 4 && plane >= 1 && plane < this.groups.length ? plane * planeCells + high + last : 0
  }
}

/** The n-th of this length. What one becomes never begins as what another becomes, or as a character of UTF-8. */
function meaninglessBytes(n: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let rest = n
  for (let i = length - 1; i > 0; i--) {
    bytes[i] = meaningless[rest % meaningless.length] as number
    rest = Math.floor(rest / meaningless.length)
  }
  const firsts = length === 1 ? meaningless : length === 2 ? firstOfTwo : firstOfLong
  const first = firsts[rest]
  if (first !== undefined) {
    bytes[0] = first
    return bytes
  }
  // EUC_TW has more pairs without an equivalent than there are pairs of meaningless bytes.
  const more = n - firsts.length * meaningless.length
  return Buffer.of(leading[Math.floor(more / never.length)] as number, never[more % never.length] as number)
}

function groupsOf(family: Family): readonly Group[] {
  const two: Group = { prefix: '', last: 2 }
  if (family === 'one byte') return [{ prefix: '', last: 1 }]
  if (family === 'euc') return [two]
  if (family === 'euc jp') return [two, { prefix: '8e', last: 1 }, { prefix: '8f', last: 2 }]
  return [two, ...Array.from({ length: 7 }, (_, i): Group => ({ prefix: `8e${(0xa1 + i).toString(16)}`, last: 2 }))]
}
