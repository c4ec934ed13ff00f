// The table of the metrics of the server as a process.

import type { MetricTable } from './metrics.ts'

export interface MeasuredServer {
  readonly uptimeSeconds: number
  readonly memoryBytes: number
  /** Seconds of all its threads. */
  readonly cpuSeconds: number
}

export const serverProcessMetrics: MetricTable<MeasuredServer> = {
  'sys.uptime': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'support',
    help: 'Seconds since the server started.',
    read: ({ uptimeSeconds }) => uptimeSeconds,
  },
  'sys.rss': {
    kind: 'gauge',
    unit: 'bytes',
    shown: 'essential',
    help: 'Memory of the server, without PostgreSQL.',
    read: ({ memoryBytes }) => memoryBytes,
  },
  'sys.cpu.seconds': {
    kind: 'counter',
    unit: 'seconds',
    shown: 'essential',
    help: 'Processor time of all threads of the server, without PostgreSQL.',
    read: ({ cpuSeconds }) => cpuSeconds,
  },
}
