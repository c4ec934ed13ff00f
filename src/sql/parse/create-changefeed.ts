// changefeed := EXPERIMENTAL CHANGEFEED FOR targets [WITH options]
//             | CREATE CHANGEFEED FOR targets [INTO value] [WITH options]
// targets    := target (',' target)*
// target     := [TABLE] name ['.' name ['.' name]] [FAMILY name]
// options    := option (',' option)* | OPTIONS '(' option (',' option)* ')'
// option     := (name | string) ['=' value]

import { FeedError } from '../../errors/feed-error.ts'
import type { CreateChangefeed, Option, Target } from '../ast.ts'
import { isOp, isWord } from '../tokens.ts'
import type { Cursor } from './cursor.ts'

const order = 'the order is FOR targets, INTO sink, WITH options'
const written = "options are written WITH updated, resolved = '10s', or WITH OPTIONS (updated, resolved = '10s')"

/** Parses what follows CHANGEFEED. */
export function parseChangefeed(cursor: Cursor, experimental: boolean): CreateChangefeed {
  if (!cursor.accept('for')) {
    if (!experimental && ['into', 'with', 'as'].some((word) => isWord(cursor.next, word))) {
      throw unsupportedQuery(cursor)
    }
    throw cursor.syntaxError('name the tables: CHANGEFEED FOR table, …')
  }
  if (!experimental && namesDatabase(cursor)) {
    throw new FeedError('FEED_UNSUPPORTED', 'changefeeds for a whole database are not supported yet', {
      position: cursor.position + 1,
      hint: 'name the tables: CREATE CHANGEFEED FOR TABLE a, b',
    })
  }
  const targets = [parseTarget(cursor)]
  while (cursor.acceptOp(',')) targets.push(parseTarget(cursor))
  const sink = !experimental && cursor.accept('into') ? cursor.value() : undefined
  const options = cursor.accept('with') ? parseOptions(cursor) : []
  if (!experimental && isWord(cursor.next, 'as')) throw unsupportedQuery(cursor)
  cursor.expectEnd(hintAtEnd(cursor, { experimental, sink, options }))
  return { tag: 'create-changefeed', experimental, targets, sink, options }
}

type Read = Pick<CreateChangefeed, 'experimental' | 'sink' | 'options'>

/** Returns what was probably meant by the next token, which nothing of the grammar begins with. */
function hintAtEnd({ next }: Cursor, { experimental, sink, options }: Read): string | undefined {
  if (isWord(next, 'into')) return experimental ? 'CREATE CHANGEFEED FOR … INTO …' : order
  if (options.length > 0) return next?.tag === 'word' || next?.tag === 'string' ? written : undefined
  if (isWord(next, 'options')) return written
  if (sink !== undefined) return next?.tag === 'word' ? order : undefined
  if (!isWord(next, 'to') && next?.tag !== 'string') return undefined
  return `the sink comes after INTO: ${experimental ? 'CREATE CHANGEFEED ' : ''}FOR TABLE t INTO 'kafka://localhost:9092'`
}

/** Returns whether the target is `DATABASE name`; a table may be called "database", too. */
function namesDatabase(cursor: Cursor): boolean {
  const follows = cursor.peek(1)
  if (!isWord(cursor.next, 'database')) return false
  return follows?.tag === 'quoted' || (follows?.tag === 'word' && !['into', 'with', 'family'].includes(follows.text))
}

function parseTarget(cursor: Cursor): Target {
  cursor.accept('table')
  const { position, offset } = cursor
  const parts: string[] = []
  do {
    if (isOp(cursor.next, '*')) throw everyTable(position)
    parts.push(parts.length === 0 ? cursor.unreservedName() : cursor.name())
  } while (cursor.acceptOp('.'))
  if (parts.length > 3)
    throw new FeedError('FEED_SYNTAX', 'a table name has at most three parts', { position: position + 1 })
  const text = cursor.textBetween(offset, cursor.lastEnd)
  const family = cursor.accept('family') ? cursor.unreservedName('a reserved word needs quotes') : undefined
  return { parts, family, text, position }
}

function everyTable(position: number): FeedError {
  return new FeedError('FEED_SYNTAX', 'a changefeed needs the names of its tables, and * is none', {
    position: position + 1,
    hint: 'name the tables: CREATE CHANGEFEED FOR TABLE a, b; they may be of several schemas',
  })
}

function parseOptions(cursor: Cursor): Option[] {
  const bracketed = isWord(cursor.next, 'options') && isOp(cursor.peek(1), '(')
  if (bracketed) {
    cursor.expect('options')
    cursor.expectOp('(')
  }
  if (!bracketed && isOp(cursor.next, '(')) throw cursor.syntaxError(written)
  const options = [parseOption(cursor)]
  while (cursor.acceptOp(',')) options.push(parseOption(cursor))
  if (bracketed) cursor.expectOp(')')
  return options
}

function parseOption(cursor: Cursor): Option {
  const { position } = cursor
  const name = cursor.next?.tag === 'string' ? cursor.take().text : cursor.dotted().join('.')
  const value = cursor.acceptOp('=') ? cursor.value() : undefined
  return { name: name.toLowerCase(), value, position }
}

function unsupportedQuery(cursor: Cursor): FeedError {
  return new FeedError('FEED_UNSUPPORTED', 'CREATE CHANGEFEED … AS SELECT is not supported yet', {
    position: cursor.position + 1,
    hint: 'CREATE CHANGEFEED FOR table emits whole rows',
  })
}
