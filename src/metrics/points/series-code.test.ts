// How the values of an hour become bytes.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeSeries, encodeSeries } from './series-code.ts'
import { slotsPerHour } from './series-key.ts'

test('what is encoded is decoded, to the precision of a graph', () => {
  const value = [
    fc.integer({ min: -1e9, max: 1e12 }),
    fc.integer({ min: 0, max: 1e6 }).map((ms) => ms * 1e6),
    fc.integer({ min: 0, max: 1e9 }).map((n) => n / 1000),
    fc.integer({ min: 0, max: 1e6 }).map((n) => 1.8e18 + n * 1e9),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e12 }),
  ]
  const lists = value.map((one) =>
    fc.array(fc.oneof(one, fc.constant(Number.NaN), fc.constant(0)), { maxLength: slotsPerHour }),
  )
  fc.assert(
    fc.property(fc.oneof(...lists), (list) => {
      const values = new Float64Array(slotsPerHour).fill(Number.NaN)
      values.set(list)
      const most = values.reduce((so, one) => (Number.isNaN(one) ? so : Math.max(so, Math.abs(one))), 0)
      for (const [i, decoded] of decodeSeries(encodeSeries(values)).entries()) {
        const wanted = values[i] as number
        if (Number.isNaN(wanted)) assert.ok(Number.isNaN(decoded))
        else assert.ok(Math.abs(decoded - wanted) <= 0.0005 + most * 1e-11, `${decoded} for ${wanted}`)
      }
    }),
    { numRuns: 200 },
  )
})
