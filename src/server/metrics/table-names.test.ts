import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TableNames } from './table-names.ts'

const orders = { relid: 1, topic: 'pre_orders', name: 'orders', tableName: 'orders' }
const others = { relid: 2, topic: 'orders', tableName: 'orders' }
const targets = [orders, others]

test('tables of the same name in two schemas are told apart, and asked for once', async () => {
  const asked: unknown[] = []
  const names = new TableNames(async (database, relids) => {
    asked.push([database, relids])
    return new Map([
      [1, 'public.orders'],
      [2, 'old.orders'],
    ])
  })
  await Promise.all([names.learn([{ database: 'shop', targets }]), names.learn([{ database: 'shop', targets }])])
  await names.learn([{ database: 'shop', targets }])
  assert.deepEqual(
    targets.map((target) => names.of('shop', target)),
    ['shop.public.orders', 'shop.old.orders'],
  )
  assert.deepEqual(asked, [['shop', [1, 2]]])
})

test('a table that was renamed has its new name, and another one may have the former', async () => {
  let now = new Map([[1, 'public.orders']])
  const names = new TableNames(async () => now)
  await names.learn([{ database: 'shop', targets: [orders] }])
  now = new Map([
    [1, 'public.orders_old'],
    [2, 'public.orders'],
  ])
  // The table of a new changefeed has to be asked for, and the others are with it.
  await names.learn([
    { database: 'shop', targets: [orders] },
    { database: 'shop', targets: [others] },
  ])
  assert.deepEqual(
    targets.map((target) => names.of('shop', target)),
    ['shop.public.orders_old', 'shop.public.orders'],
  )
})

test('names are asked for again after some time, and a table that is gone has the name in the statement', async () => {
  let now = new Map([[1, 'public.orders']])
  const names = new TableNames(async () => now, 0)
  const learn = async (): Promise<string> => {
    await names.learn([{ database: 'shop', targets: [orders] }])
    return names.of('shop', orders)
  }
  assert.equal(await learn(), 'shop.public.orders')
  now = new Map([[1, 'old.orders']])
  assert.equal(await learn(), 'shop.old.orders')
  now = new Map()
  assert.equal(await learn(), 'orders')
})

test('while PostgreSQL cannot be asked, or a table is gone, it has the name in the statement', async () => {
  let asked = 0
  const names = new TableNames(async () => {
    asked += 1
    throw new Error('away')
  })
  await names.learn([{ database: 'shop', targets }])
  await names.learn([{ database: 'shop', targets }])
  assert.deepEqual([names.of('shop', orders), names.of('shop', others), asked], ['orders', 'orders', 1])
})

test('a scrape does not wait for a PostgreSQL that hangs', async () => {
  const names = new TableNames(() => new Promise(() => undefined))
  const startMs = performance.now()
  await names.learn([{ database: 'shop', targets }])
  assert.ok(performance.now() - startMs < 5000)
})
