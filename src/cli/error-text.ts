// The text that a command prints when it fails: the message, then detail and hint. A stack is printed only for unexpected errors.

import { FeedError } from '../errors/feed-error.ts'
import { UsageError } from './usage-error.ts'

export function errorText(error: unknown): string {
  if (error instanceof UsageError) {
    return `ERROR: ${error.message}\n${error.hint === undefined ? '' : `HINT: ${error.hint}\n`}`
  }
  if (error instanceof FeedError) {
    const detail = error.detail === undefined ? '' : `DETAIL: ${error.detail}\n`
    return `ERROR: ${error.message}\n${detail}${error.hint === undefined ? '' : `HINT: ${error.hint}\n`}`
  }
  return `ERROR: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`
}
