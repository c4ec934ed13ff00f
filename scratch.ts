import { TestPostgres } from './test/support/postgres-under-test.ts'
import { watchTables } from './src/ingest/watch.ts'
import { install } from './src/source-schema/source-schema.ts'
const server = await TestPostgres.start()
const db = await server.database()
const c = await db.connect()
await install(c)
const n = 400
await c.query(`CREATE TABLE many (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)`)
let t = Date.now()
await c.query(
  `DO $$ BEGIN FOR i IN 0..${n - 1} LOOP EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES FROM (%s) TO (%s)', i, i, i + 1); END LOOP; END $$`,
)
console.log('create', Date.now() - t)
const [[relid]] = (await c.query(`SELECT 'many'::regclass::oid`)) as any
t = Date.now()
await watchTables(db.source, [{ relid: Number(relid) }])
console.log('watch', Date.now() - t)
t = Date.now()
await watchTables(db.source, [{ relid: Number(relid) }])
console.log('again', Date.now() - t)
const time = async (what: string, sql: string) => {
  const t = performance.now()
  await c.query(sql)
  console.log(what, Math.round(performance.now() - t))
}
await time('describe all', `SELECT changefeed.describe(relid) FROM changefeed.watched`)
await time('key_index all', `SELECT changefeed.key_index(relid) FROM changefeed.watched`)
await time('incomplete all', `SELECT changefeed.is_incomplete(relid) FROM changefeed.watched`)
await time('published_among', `SELECT changefeed.published_among(ARRAY(SELECT relid FROM changefeed.watched))`)
await time('published all', `SELECT changefeed.published(relid) FROM changefeed.watched`)
await time('types_of all', `SELECT changefeed.types_of(relid) FROM changefeed.watched`)
await time('moved', `SELECT changefeed.moved_partitions(ARRAY['many'::regclass::oid])`)
await time('lost', `SELECT changefeed.lost()`)
await time('create partition', `CREATE TABLE many_x PARTITION OF many FOR VALUES FROM (100000) TO (100001)`)
await time('alter', `ALTER TABLE many ADD COLUMN w int DEFAULT 1`)
await time('alter plain', `CREATE TABLE plain (a int); ALTER TABLE plain ADD COLUMN w int DEFAULT 1`)
await time('detach', `ALTER TABLE many DETACH PARTITION many_x`)
await c.close()
await db[Symbol.asyncDispose]()
await server[Symbol.asyncDispose]()
