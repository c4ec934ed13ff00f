// Random writers, random disturbances, random options; then what came is held against an independent reading of the WAL.
// NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('core', { promise: 'a feed tells what happened, all of it and in order', seeds: 2, timeoutMs: 180_000 })
