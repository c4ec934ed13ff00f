// Frozen examples of what was ever stored of a job, for src/jobs/records.test.ts. An example never changes; a new version of
// a record adds some.

/** A Kafka sink with a password, and one with OAuth, both encrypted for job 7 with a key of 32 zeros. */
export const sealedSinks = {
  password:
    'Jbt0mhtH3QgTOebHOTo/09zlqD42Ztl0Tdgj7C8PCF/tBU0Q0LP1jksiKCZuv+TK7ZgVSI7gFtUD0Is35gC0wN9s1Fe7oEo1+NaQ3hQFeryDpsy5gs/dhr9ZQE8FtO6/VlcqXSPvRrMDsPaG1mK5AobbO5VqdgPJ+2JuUZvyBlcihQAuqCwl8mIOJApOIJGYts9Iyk89kHAEIKAmRMirncC+1Rgl/O0qeZNwDzChqoDEfv4FtsOUINxBBN/gz6nhXO/JXXgn/HflutyDth8SCLHZye9wfso1Qo90SRPd5hclog4Mq/MBa4DEe4g50S/q3CeNMcm49ex9qfA6rvmoqVJNavkkaUxG4d/0NoyV1Jj9SCExHRaPWlWO2rkQaAwkBp8h9torxQWRRx6ZNRts0vc03UGUxIlGAYSD6ZOe7dIcD9rbpNjqp5/3v2bKVILyxGuOYrdgBaBChNJyCcxiKMxrKfQm5ERRQh20dKfx9XJUB87nzn/Re71IKbfWUkg754J787ohyRSxIn8qINWjUneMLL1z6F5aik48GZqan9vRRymvz25piBaua3KSsrdXVreiKcvztleTswg5XuUe9O5uy7EoZiWN5ry3kF3Zw289eaO1rkgtQ/AToD88j6lzkgzHbSzwJ1fOx5sjaVIF0mzSTqZUD4J2jjb+azrlLypV+khyxwXKQVtU2jFqm/OsIfcCCW+AARBDrtgQg8VAF0ei2C/Yy7ns9S+oX3KMwkcgF8yFcD+Z',
  oauth:
    'dHDX/JhieZ+NecgWCh3O4sHmLcSDwn+3D/8CZiIl57dQZEsI12ONhDNUBw82w8kEoeOcts8B6TvR/Q+8EjtK32s9HIaGajfovnunDMhiga4XjfDOwqPUnkw2UYJcm5d07evHu+LQEE5vFbBTQ2j9e7jHJMIqJVfhCR+OnKBdKvPyZHOgfQrc/9C1GHdZH/G0JAu9bHDOv06hFq93dNU9k8NqqgKc1fOMc6ctHUlTaj0gAal7Mer5ygGC3Ko2pdz6zeOombe4xvjhdm1mfAHwAlmjmde0qLZm/1iGFxJNmc+oi6RBMsj8ibO2YNtOQazDyAhRntXEwvh/O1VwGqbU6TLDetsY2zGe+7m11uk7QQ359oiJQw4nxMS0fuRys4ZuXOkZEBntrdPv8gxc1nrMQTRULuY0cxxOjwLZpZr1cgfdycW8D7Vglm7oH9kfis1x4cKpkFUvRfmE5KyqtsqQaUlb/vFd7B2fbilAq26Xus8DPRJJ4jpy2SPx57Kjfd9orZdhPc6+1LXnj74fo+AI5PdKYY6ZsGlrqGvPktGPQ8MKmE9VP05T3Ne5WdxhIfOnzZLHTIde5jAPVO92sif1lc1eEzowIneRXOuLNm8p4NNf2Oz4pJcTuuLdrpWY08anO6QiARqmDki6PaJUDB1RXpVkHhC4YfhvNtySAlIt9bv0jZgg821MSzg2+jLr62f/FHnvZYB9F+0xcokKpzi6FzqYwARtQMEMzMCFeBfVpSmEDOp7cNYlwrMkMC3C/S6roJKgwoO+mPFPI/+8GUkmrd9OKiYe7DlgMPw5UMoOSu4ML3n53Jf40AJHCYr2/mpw9+TiI9gcZA87FAoZsPFsMQnwWw==',
}

/** A registry with a user and certificates, encrypted in the same way. */
export const sealedRegistry =
  'aDcnBI1VPzpKZXHF/6HMgsT5bcyoV43aJOlfSCvCCPG0odrPI7YnpndZ6c0Trhf0grHhbHdrneYtEABZ1JbG7ahUbjgnAD2/vu4LfaJV7/FCJqos6P+O1ViRGIPRcDq5l0V1vfwSD6x2paMYmjFQISMkuJ/UTKzYs8ikESc/E5VyxxPzlM/9uiU4EO0/mRrxJ0L224eb+pzo2wQQQ4isdggacH74MlW5eVC49PSC1hhceluLIuqRZsUvHFGRcOf8Irpz'

const spec = {
  id: '',
  database: 'shop',
  targets: [
    { relid: 16384, topic: 'orders', tableName: 'orders' },
    { relid: 16390, topic: 'items', tableName: 'items' },
  ],
  format: 'json',
  envelope: 'wrapped',
  updated: true,
  mvccTimestamp: true,
  diff: true,
  keyInValue: true,
  topicInValue: true,
  encodeJsonNullAsObject: true,
  resolvedIntervalMs: 10000,
  minCheckpointMs: 30000,
  initialScan: 'yes',
  cursor: { wall: { $: '1536242855577149065n' }, logical: 3 },
  endTime: { wall: { $: '1536242999000000000n' }, logical: 0 },
  scope: 'teal',
}

const done = [
  [0, 64],
  [128, null],
]
const highWater = { wall: { $: '1536242855577149065n' }, logical: 3 }
const passed = { ...highWater, logical: 4 }
const scan = { at: highWater, tables: [{ relid: 16384, file: 'f1', done }], fraction: 0.25 }
const scan4 = { at: highWater, tables: [{ relid: 16384, root: 16380, file: 'f1', done }], fraction: 0.25 }

export const payloads = {
  /** Version 1 of the first days: a sink in plain text. What had no value is missing. */
  version1Plain: {
    spec: {
      id: '',
      database: 'shop',
      targets: [{ relid: 16384, topic: 'orders', tableName: 'orders' }],
      format: 'json',
      envelope: 'key_only',
      updated: false,
      mvccTimestamp: false,
      diff: false,
      keyInValue: false,
      topicInValue: false,
      encodeJsonNullAsObject: false,
      minCheckpointMs: 30000,
      initialScan: 'no',
      sink: {
        tag: 'kafka',
        brokers: ['b1:9092'],
        topics: ['orders'],
        sources: ['orders (id)'],
        clientId: 'c',
        acks: 'one',
        compression: 'none',
        flush: { messages: 0, bytes: 0, frequencyMs: 0 },
        retry: { max: 3, backoffMs: 500 },
      },
    },
    onError: 'fail',
  },
  version1: { spec: { ...spec, sink: { tag: 'sealed', text: sealedSinks.password } }, onError: 'pause' },
  version2: { version: 2, spec: { ...spec, sink: { tag: 'sealed', text: sealedSinks.oauth } }, onError: 'pause' },
  version3: {
    version: 3,
    spec: {
      ...spec,
      targets: spec.targets.map((target) => ({ ...target, name: `named ${target.topic}` })),
      schemaChanges: { events: 'column_changes', policy: 'stop' },
      avroSchemaPrefix: 'com.example',
      sink: { tag: 'sealed', text: sealedSinks.password },
      registry: { tag: 'sealed', text: sealedRegistry },
    },
    onError: 'pause',
  },
  version4: {
    version: 4,
    spec: {
      ...spec,
      targets: spec.targets.map((target) => ({ ...target, name: `named ${target.topic}` })),
      schemaChanges: { events: 'column_changes', policy: 'stop' },
      takesAnyBytes: true,
      avroSchemaPrefix: 'com.example',
      sink: { tag: 'sealed', text: sealedSinks.password },
      registry: { tag: 'sealed', text: sealedRegistry },
    },
    onError: 'pause',
  },
}

export const progresses = {
  version1New: {},
  version1Scanning: { scan },
  version1Following: { highWater },
  version2New: { version: 2, tag: 'initial-scan' },
  version2Scanning: { version: 2, tag: 'initial-scan', scan },
  version2Following: { version: 2, tag: 'following', highWater },
  version3New: { version: 3, tag: 'initial-scan' },
  version3Scanning: { version: 3, tag: 'initial-scan', scan },
  version3Following: { version: 3, tag: 'following', highWater },
  version3Passed: { version: 3, tag: 'following', highWater, passed },
  version3Backfill: { version: 3, tag: 'backfill', at: passed, scan: { ...scan, at: passed } },
  version4New: { version: 4, tag: 'initial-scan' },
  version4Scanning: { version: 4, tag: 'initial-scan', scan: scan4 },
  version4Following: { version: 4, tag: 'following', highWater },
  version4Passed: { version: 4, tag: 'following', highWater, passed },
  version4Backfill: { version: 4, tag: 'backfill', at: passed, scan: { ...scan4, at: passed } },
}
