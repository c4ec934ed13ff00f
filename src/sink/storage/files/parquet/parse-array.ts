// Reads the text of an array of one dimension: `{1,NULL,"a, \"b\""}`, also with bounds in front, `[2:3]={…}`.

import { FeedError } from '../../../../errors/feed-error.ts'

/** Returns the texts of the elements; null: an element is NULL. */
export function parseArray(text: string, delimiter: string): readonly (string | null)[] {
  let at = text.startsWith('[') ? text.indexOf('=') + 1 : 0
  if (text[at] !== '{') throw malformed()
  at += 1
  const found: (string | null)[] = []
  if (text[at] === '}') return found
  for (;;) {
    if (text[at] === '{') {
      throw new FeedError('FEED_ROW', 'an array has several dimensions, and a list of Parquet only one', {
        hint: 'leave the column out of the table, or choose another format',
      })
    }
    let element = ''
    if (text[at] === '"') {
      for (at += 1; text[at] !== '"'; at += 1) {
        if (text[at] === '\\') at += 1
        if (at >= text.length) throw malformed()
        element += text[at]
      }
      at += 1
      found.push(element)
    } else {
      const start = at
      while (at < text.length && text[at] !== delimiter && text[at] !== '}') at += text[at] === '\\' ? 2 : 1
      element = text.slice(start, at).replace(/\\(.)/gs, '$1')
      found.push(element.toUpperCase() === 'NULL' ? null : element)
    }
    if (text[at] === '}') return found
    if (text[at] !== delimiter) throw malformed()
    at += 1
  }
}

function malformed(): FeedError {
  return new FeedError('FEED_ROW', 'the text of an array does not parse')
}
