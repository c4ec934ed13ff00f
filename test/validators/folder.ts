// Judges a folder of files as a whole, read in the order of the names of its files: the versions of each row come in their order,
// and no row comes after a RESOLVED file of its time or a later one, whatever crashed and was repeated.

import { hlcOf } from '../feed/test-feed.ts'
import { filesIn, linesOf, splitKey } from '../support/read-folder.ts'
import { OrderValidator } from './order.ts'

export interface JudgedFolder {
  readonly failures: readonly string[]
  readonly rows: number
  readonly resolved: number
}

/** The rows are JSON with `updated` and `key`. */
export function judgeFolder(folder: string): JudgedFolder {
  const order = new OrderValidator({ strict: true })
  let rows = 0
  let resolved = 0
  for (const file of filesIn(folder)) {
    const { topic } = file
    if (topic === undefined) {
      order.noteResolved('', hlcOf(file.text, 'resolved'))
      resolved += 1
      continue
    }
    for (const value of linesOf(file)) {
      const [key] = splitKey(value)
      if (key === '') throw new Error(`a line of ${file.name} has no key`)
      order.noteRow({ partition: '', topic, key, value, updated: hlcOf(value, 'updated') })
      rows += 1
    }
  }
  return { failures: order.failures(), rows, resolved }
}
