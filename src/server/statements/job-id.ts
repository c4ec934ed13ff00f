// Checks the id of a job in a statement.

import { FeedError } from '../../errors/feed-error.ts'

const maxInt8 = 0x7fffffffffffffffn

/** Throws unless `text`, undefined for NULL, is an id. */
export function checkId(text: string | undefined, position: number | undefined): string {
  const refuse = (message: string, sqlstate: string): FeedError =>
    new FeedError('FEED_SYNTAX', message, { sqlstate, position, hint: 'SHOW JOBS lists the jobs' })
  if (text === undefined) throw refuse('a job id is NULL', '22004')
  if (!/^\s*[+-]?\d+\s*$/.test(text))
    throw refuse(`could not parse "${text}" as type int: a job is named by its id`, '22P02')
  const id = BigInt(text.trim().replace(/^\+/, ''))
  if (id > maxInt8 || id < -maxInt8) throw refuse(`job id ${id} is out of range for type int8`, '22003')
  return String(id)
}
