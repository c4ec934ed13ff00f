// When it pays to encode a scan in several threads.
//
// A thread that is started for it takes about half a second of processor time until its code is compiled, and with two cores
// PostgreSQL has one of them.

/** 128 MiB. Smaller tables are read before another thread is of use. */
const leastPages = 16_384
const leastThreads = 3

/** Tests of the whole program split every scan, also on two cores. Not for production. */
const always = process.env['CHANGEFEED_TEST_SPLIT_SCANS'] === '1'

export function hasEnoughPages(pages: number): boolean {
  return always || pages >= leastPages
}

/** `threads`: how many the pool may have. */
export function hasEnoughThreads(threads: number): boolean {
  return threads >= (always ? 2 : leastThreads)
}
