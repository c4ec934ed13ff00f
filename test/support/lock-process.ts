// A process that takes a store when it is told to, and keeps it until it is killed.

import { lockStore } from '../../src/postgres/embedded/store-lock.ts'

const dir = process.argv[2] ?? ''
process.on('message', () => {
  try {
    lockStore(dir)
    process.send?.('locked')
  } catch (error) {
    process.send?.((error as Error).message)
  }
})
process.send?.('here')
