// changefeed := EXPERIMENTAL CHANGEFEED FOR targets [WITH options]
//             | CREATE CHANGEFEED FOR targets [INTO value] [WITH options]
// targets    := target (',' target)*
// target     := [TABLE] name ['.' name ['.' name]] [FAMILY name]
// options    := option (',' option)* | OPTIONS '(' option (',' option)* ')'
// option     := name ['=' value]

import { FeedError } from '../../errors/feed-error.ts'
import type { CreateChangefeed, Option, Target } from '../ast.ts'
import type { Cursor } from './cursor.ts'

const order = 'the order is FOR targets, INTO sink, WITH options'

/** Behind CHANGEFEED. */
export function parseChangefeed(cursor: Cursor, experimental: boolean): CreateChangefeed {
  if (!cursor.accept('for')) {
    if (!experimental && (cursor.next === undefined || ['into', 'with', 'as'].includes(cursor.next.text))) {
      throw unsupportedQuery(cursor)
    }
    throw cursor.syntaxError('name the tables: CHANGEFEED FOR table, …')
  }
  if (
    !experimental &&
    cursor.next?.text === 'database' &&
    cursor.peek(1)?.tag === 'word' &&
    cursor.peek(1)?.text !== 'into' &&
    cursor.peek(1)?.text !== 'with'
  ) {
    throw new FeedError('FEED_UNSUPPORTED', 'changefeeds for a whole database are not supported yet', {
      position: cursor.position + 1,
      hint: 'name the tables: CREATE CHANGEFEED FOR TABLE a, b',
    })
  }
  const targets = [parseTarget(cursor)]
  while (cursor.acceptOp(',')) targets.push(parseTarget(cursor))
  const sink = !experimental && cursor.accept('into') ? cursor.value() : undefined
  const options = cursor.accept('with') ? parseOptions(cursor) : []
  if (cursor.next?.text === 'as') throw unsupportedQuery(cursor)
  cursor.expectEnd(cursor.next?.text === 'into' ? (experimental ? 'CREATE CHANGEFEED FOR … INTO …' : order) : undefined)
  return { tag: 'create-changefeed', experimental, targets, sink, options }
}

function parseTarget(cursor: Cursor): Target {
  // A table may itself be called "table".
  const follows = cursor.peek(1)
  if (follows?.tag === 'word' || follows?.tag === 'quoted') {
    if (follows.text !== 'into' && follows.text !== 'with' && follows.text !== 'family') cursor.accept('table')
  }
  const { position } = cursor
  const parts = cursor.dotted()
  if (parts.length > 3)
    throw new FeedError('FEED_SYNTAX', 'a table name has at most three parts', { position: position + 1 })
  const text = cursor.textBetween(position, cursor.lastEnd)
  const family = cursor.accept('family') ? cursor.name() : undefined
  return { parts, family, text, position }
}

function parseOptions(cursor: Cursor): Option[] {
  const bracketed = cursor.next?.text === 'options' && cursor.peek(1)?.text === '('
  if (bracketed) {
    cursor.expect('options')
    cursor.expectOp('(')
  }
  const options = [parseOption(cursor)]
  while (cursor.acceptOp(',')) options.push(parseOption(cursor))
  if (bracketed) cursor.expectOp(')')
  return options
}

function parseOption(cursor: Cursor): Option {
  const { position } = cursor
  const name = cursor.dotted().join('.').toLowerCase()
  const value = cursor.acceptOp('=') ? cursor.value() : undefined
  return { name, value, position }
}

function unsupportedQuery(cursor: Cursor): FeedError {
  return new FeedError('FEED_UNSUPPORTED', 'CREATE CHANGEFEED … AS SELECT is not supported yet', {
    position: cursor.position + 1,
    hint: 'CREATE CHANGEFEED FOR table emits whole rows',
  })
}
