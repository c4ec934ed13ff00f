// What is counted of a changelog, by its writer in the thread of ingest.

import { longTimes, Meter, MeterLayout, shortTimes } from './meter.ts'

const layout = new MeterLayout({
  counters: ['waitNanos'],
  gauges: [],
  histograms: {
    /** Writing a block into the page cache. */
    append: shortTimes,
    /** One fdatasync. */
    sync: shortTimes,
    /** From the commit of a transaction until it is durable. */
    durable: longTimes,
  },
})

export type LogMeter = Meter<'waitNanos', never, 'append' | 'sync' | 'durable'>

export const logMeterBytes = layout.bytes

export function logMeter(shared?: SharedArrayBuffer, offset?: number): LogMeter {
  return new Meter(layout, shared, offset)
}
