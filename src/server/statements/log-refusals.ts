// Writes a line into the log of the server when a CREATE CHANGEFEED is refused: the client sees the error, whoever runs the server would not.

import type { Logger } from 'pino'
import { FeedError } from '../../errors/feed-error.ts'
import type { LocalCall, LocalStatement, MalformedPiece, SessionOrigin } from '../../pg-server/local-statement.ts'
import { lex } from '../../sql/lexer.ts'
import { isOp, isWord } from '../../sql/tokens.ts'

/** `sql` is the statement as typed. */
export function logRefusals(statement: LocalStatement, log: Logger, sql: string): LocalStatement {
  return {
    ...statement,
    async run(call) {
      let isAccepted = false
      const accepted = async (): Promise<void> => {
        isAccepted = true
        await call.accepted()
      }
      try {
        return await statement.run({ ...call, accepted })
      } catch (error) {
        // A client that leaves or cancels is refused nothing.
        if (!call.signal.aborted) logRefusal(log, error, { call, sql, isAccepted })
        throw error
      }
    },
  }
}

/** The same for a statement that does not parse. Only those that would create a changefeed have a line. */
export function logMalformed(piece: MalformedPiece, log: Logger): MalformedPiece {
  const { error, sql } = piece
  if (!isCreation(sql)) return piece
  return {
    ...piece,
    refused: (session) => logRefusal(log, error, { call: { session, parameters: [] }, sql, isAccepted: false }),
  }
}

function isCreation(sql: string): boolean {
  const words = lex(sql).map(({ tag, text }) => (tag === 'word' ? text.toLowerCase() : ''))
  if (words[0] === 'create' && words[1] === 'schedule') return words.includes('changefeed')
  return words.some((word, i) => word === 'changefeed' && creating.has(words[i - 1] ?? ''))
}

const creating: ReadonlySet<string> = new Set(['create', 'experimental', 'replace'])

interface Refused {
  readonly call: { readonly session: SessionOrigin } & Pick<LocalCall, 'parameters'>
  readonly sql: string
  /** The changefeed had begun to run on the connection. */
  readonly isAccepted: boolean
}

function logRefusal(log: Logger, error: unknown, { call, sql, isAccepted }: Refused): void {
  const { session, parameters } = call
  const { user, database, clientAddress: client } = session
  const { code, sqlstate, position } =
    error instanceof FeedError ? error : { code: 'FEED_BUG', sqlstate: 'XX000', position: undefined }
  const text = withoutNear(error instanceof Error ? error.message : String(error))
  const event = isAccepted ? 'ended_changefeed' : 'refused_changefeed'
  const shown = withoutTyped(text, sql, parameters)
  const line = { event, user, database, client, code, sqlstate, position, error: shown }
  const what = isAccepted
    ? '[changefeed] a changefeed on a connection has ended'
    : '[changefeed] a changefeed is refused'
  // What the statement lacks is a matter of its client; what we lack is ours.
  if (code === 'FEED_BUG') log.error(line, what)
  else if (code === 'FEED_SOURCE_DOWN') log.warn(line, what)
  else log.info(line, what)
}

/** A syntax error names what stands where it was noticed, which may be a secret that lacks its quotes or its option. */
export function withoutNear(text: string): string {
  return text.replace(/( at or near )"(.*)"$/s, (whole, before: string, near: string) =>
    /^[^\w'"$]+$/.test(near) || ofGrammar.has(near.toLowerCase()) ? whole : `${before}"…"`,
  )
}

const ofGrammar: ReadonlySet<string> = new Set(
  'as create changefeed for from into options select table to where with'.split(' '),
)

/** The client may read again what it has typed. In the log it may be a secret in a wrong place: a password as the value of another option. */
export function withoutTyped(text: string, sql: string, parameters: readonly (string | null)[]): string {
  const whole = [...stringsIn(sql), ...parameters.filter((one) => one !== null)]
  return [...whole, ...whole.flatMap(partsOfQuery), ...unquotedIn(sql)]
    .filter((one) => one.length > 2)
    .toSorted((a, b) => b.length - a.length)
    .reduce((shown, one) => shown.replaceAll(one, '…'), text)
}

function stringsIn(sql: string): readonly string[] {
  return lex(sql).flatMap((token) => (token.tag === 'string' ? [token.text] : []))
}

/** Words that a value may be without being a secret. */
const plain = new Set(['true', 'false', 'yes', 'no', 'only', 'null', 'with', 'options', 'changefeed', 'table'])

/** What stands without quotes where a value is expected: after an equals sign up to the next comma, and after INTO up to WITH. */
function unquotedIn(sql: string): readonly string[] {
  const tokens = lex(sql)
  const found: string[] = []
  let what: 'none' | 'value' | 'place' = 'none'
  let from = 0
  const end = (at: number): void => {
    // As it was typed, up to each blank, and the single words: an error names the one where it was noticed.
    if (what !== 'none') found.push(...sql.slice(from, at).split(/\s+/))
    what = 'none'
  }
  for (const token of tokens) {
    const isEnd = what === 'place' ? isWord(token, 'with') : [',', ')', ';'].some((mark) => isOp(token, mark))
    if (isEnd) end(token.start)
    else if (what !== 'none') found.push(token.text, sql.slice(token.start, token.end))
    const next = isWord(token, 'into')
      ? 'place'
      : token.tag === 'op' && token.text.startsWith('=')
        ? 'value'
        : undefined
    if (next === undefined || what !== 'none') continue
    what = next
    from = token.end
  }
  end(sql.length)
  return found.filter((text) => !plain.has(text.toLowerCase()))
}

/** What follows the question mark of a URI. A name of a parameter is kept if it looks like one: a password may have a question mark. */
function partsOfQuery(uri: string): readonly string[] {
  const at = uri.indexOf('?')
  if (at < 0) return []
  return uri
    .slice(at + 1)
    .split('&')
    .flatMap((pair) => {
      const [name = '', ...value] = pair.split('=')
      const isName = value.length > 0 && /^[a-z_]+$/i.test(name)
      return [...(isName ? [] : [name]), value.join('=')]
    })
}
