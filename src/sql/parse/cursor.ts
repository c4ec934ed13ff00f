// Reads the tokens of one statement one after the other, and makes errors with the position where reading stopped.

import { FeedError } from '../../errors/feed-error.ts'
import type { Value } from '../ast.ts'
import { isOp, isWord, type Token } from '../tokens.ts'
import { characters } from '../typed-position.ts'
import { reservedWords } from '../../core/reserved-words.ts'

export class Cursor {
  readonly #sql: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(sql: string, tokens: readonly Token[]) {
    this.#sql = sql
    this.#tokens = tokens
  }

  get next(): Token | undefined {
    return this.#tokens[this.#at]
  }

  /** The UTF-16 offset of the next token, or of the end. */
  get offset(): number {
    return this.next?.start ?? this.#tokens.at(-1)?.end ?? 0
  }

  /** The position of the next token in characters. */
  get position(): number {
    return characters(this.#sql, 0, this.offset)
  }

  /** Returns the position of a later token, which must exist. */
  positionOf(ahead: number): number {
    return characters(this.#sql, 0, this.peek(ahead)?.start ?? this.offset)
  }

  peek(ahead: number): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  take(): Token {
    const token = this.next
    if (token === undefined) throw this.syntaxError()
    this.#at += 1
    return token
  }

  /** Skips the words if all of them come next; returns whether they did. */
  accept(...words: readonly string[]): boolean {
    if (!words.every((word, i) => isWord(this.peek(i), word))) return false
    this.#at += words.length
    return true
  }

  acceptOp(text: string): boolean {
    if (!isOp(this.next, text)) return false
    this.#at += 1
    return true
  }

  expect(word: string, hint?: string): void {
    if (!this.accept(word)) throw this.syntaxError(hint)
  }

  expectOp(text: string): void {
    if (!this.acceptOp(text)) throw this.syntaxError()
  }

  expectEnd(hint?: string): void {
    if (this.next !== undefined) throw this.syntaxError(hint)
  }

  /** Reads a name, quoted or not. */
  name(): string {
    const token = this.next
    if (token === undefined || (token.tag !== 'word' && token.tag !== 'quoted')) throw this.syntaxError()
    this.#at += 1
    return asName(token.text)
  }

  /** Reads a name that is quoted or no reserved word. */
  unreservedName(hint?: string): string {
    const token = this.next
    if (token?.tag === 'word' && reservedWords.has(token.text)) throw this.syntaxError(hint)
    return this.name()
  }

  /** name ('.' name)* */
  dotted(first = this.name()): string[] {
    const parts = [first]
    while (this.acceptOp('.')) parts.push(this.name())
    return parts
  }

  /**
   * string | [sign] number | word | $n, in brackets or not, with a cast or without. The JDBC driver replaces a `?`
   * by `('10s')` or `('7'::int8)` if it does not prepare the statement.
   */
  value(): Value {
    if (!this.acceptOp('(')) return this.#cast(this.#plainValue())
    const value = this.value()
    this.expectOp(')')
    return this.#cast(value)
  }

  /** Skips ['::' name]: who reads the value knows its type. */
  #cast(value: Value): Value {
    if (isOp(this.next, ':') && isOp(this.peek(1), ':')) {
      this.take()
      this.take()
      this.dotted()
    }
    return value
  }

  #plainValue(): Value {
    const { position } = this
    const sign = isOp(this.next, '-') || isOp(this.next, '+') ? this.take().text : ''
    const token = this.take()
    if (sign !== '' && token.tag !== 'number') throw this.#errorAt(token)
    switch (token.tag) {
      case 'string':
        return { tag: 'string', text: token.text, position }
      case 'number': {
        const isNumber = /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(token.text)
        return { tag: isNumber ? 'number' : 'word', text: `${sign === '-' ? '-' : ''}${token.text}`, position }
      }
      case 'param':
        return { tag: 'placeholder', index: Number(token.text), position }
      case 'word':
        return { tag: 'word', text: this.#sql.slice(token.start, token.end), position }
      case 'quoted':
        return { tag: 'word', text: token.text, position }
      default:
        throw this.#errorAt(token)
    }
  }

  /** Returns the text from the next token to the end. */
  rest(): string {
    const text = this.#sql.slice(this.offset, this.#tokens.at(-1)?.end ?? 0)
    this.#at = this.#tokens.length
    return text
  }

  textBetween(start: number, end: number): string {
    return this.#sql.slice(start, end)
  }

  /** The offset of the end of the previous token. */
  get lastEnd(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0
  }

  syntaxError(hint?: string): FeedError {
    const token = this.next
    if (token !== undefined) return this.#errorAt(token, hint)
    return new FeedError('FEED_SYNTAX', 'syntax error at end of input', { position: this.position + 1, hint })
  }

  #errorAt(token: Token, hint?: string): FeedError {
    const near = this.#sql.slice(token.start, token.end)
    return new FeedError('FEED_SYNTAX', `syntax error at or near "${near}"`, {
      position: characters(this.#sql, 0, token.start) + 1,
      hint,
    })
  }
}

/** Shortens a name to 63 bytes, between two characters, as PostgreSQL does. */
function asName(text: string): string {
  if (text.length <= 21) return text
  let bytes = 0
  let length = 0
  for (const char of text) {
    bytes += Buffer.byteLength(char)
    if (bytes > 63) return text.slice(0, length)
    length += char.length
  }
  return text
}
