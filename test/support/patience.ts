// How patient tests are: how many times as long they wait for something as on a machine that is fast and has nothing else to do. There the
// limits are as the tests say, so a limit that is itself a promise is held where it can be kept.

import { availableParallelism, loadavg } from 'node:os'

/** A run of the tests measures how slow the machine is (scripts/machine-speed.ts). */
const slowness = Number(process.env['CHANGEFEED_TEST_SLOWNESS'] ?? '1')
/** Whoever waits for what never comes must hear of it some day. */
const most = 6

/** Where three want to compute for each core, everything takes three times as long. The answer changes while tests run. */
export function patience(): number {
  const wanted = (loadavg()[0] ?? 0) / availableParallelism()
  return Math.min(most, Math.max(1, slowness) * Math.max(1, wanted))
}

/** For the message of a limit that has passed. */
export function howPatient(times: number): string {
  return times === 1
    ? ''
    : ` (it was waited for ${times.toFixed(1)} times as long, because the machine is busy or slow)`
}
