// Checks the id of a job in a statement.

import { FeedError } from '../../errors/feed-error.ts'

const maxInt8 = 0x7fffffffffffffffn

/** Throws unless `text`, undefined for NULL, is an id. */
export function checkId(text: string | undefined, position: number | undefined): string {
  const hint = 'SHOW JOBS lists the jobs'
  if (text === undefined) throw new FeedError('FEED_SYNTAX', 'a job id is NULL', { sqlstate: '22004', position, hint })
  if (!/^\s*[+-]?\d+\s*$/.test(text)) {
    throw new FeedError('FEED_SYNTAX', `could not parse "${text}" as type int: a job is named by its id`, {
      sqlstate: '22P02',
      position,
      hint,
    })
  }
  const id = BigInt(text.trim().replace(/^\+/, ''))
  if (id > maxInt8 || id < -maxInt8) {
    throw new FeedError('FEED_SYNTAX', `job id ${id} is out of range for type int8`, {
      sqlstate: '22003',
      position,
      hint,
    })
  }
  return String(id)
}
