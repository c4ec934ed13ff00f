// The table of the metrics of the server as a process.

import type { CertificateEnd } from '../core/certificate-end.ts'
import type { MetricTable, Sample } from './metrics.ts'

export interface MeasuredServer {
  readonly uptimeSeconds: number
  readonly memoryBytes: number
  /** Seconds of all its threads. */
  readonly cpuSeconds: number
  readonly certificates: readonly CertificateEnd[]
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
  'security.certificate.expiration.node': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'When the certificate in --tls-cert ends, or the first of its authorities there, in seconds since 1970; absent without TLS.',
    read: ({ certificates }) => endOf(certificates, '--tls-cert'),
  },
  'security.certificate.expiration.client_ca': {
    kind: 'gauge',
    unit: 'seconds',
    shown: 'essential',
    help: 'When the first authority in --tls-client-ca ends, in seconds since 1970; absent without one.',
    read: ({ certificates }) => endOf(certificates, '--tls-client-ca'),
  },
}

function endOf(certificates: readonly CertificateEnd[], flag: CertificateEnd['flag']): readonly Sample[] {
  return certificates
    .filter((one) => one.flag === flag)
    .map(({ endMs }) => ({ labels: {}, value: Math.floor(endMs / 1000) }))
}
