// server.properties of a broker under test.

import { join } from 'node:path'

export interface BrokerFacts {
  readonly dir: string
  readonly nodeId: number
  readonly port: number
  /** Of the cluster's controller, which is this process or another. */
  readonly controllerPort: number
  readonly isController: boolean
  /** Behind the plain listener; 0: none. */
  readonly saslPort: number
  readonly sslPort: number
}

export function serverProperties(facts: BrokerFacts): string[] {
  const { dir, nodeId, port, controllerPort, isController, saslPort, sslPort } = facts
  const more = saslPort === 0 ? '' : `,SASL_SSL://127.0.0.1:${saslPort},SSL://127.0.0.1:${sslPort}`
  const listeners = `PLAINTEXT://127.0.0.1:${port}${more}`
  return [
    `process.roles=${isController ? 'broker,controller' : 'broker'}`,
    `node.id=${nodeId}`,
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=${listeners}${isController ? `,CONTROLLER://127.0.0.1:${controllerPort}` : ''}`,
    `advertised.listeners=${listeners}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL',
    `log.dirs=${join(dir, 'data')}`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'share.coordinator.state.topic.num.partitions=1',
    'group.initial.rebalance.delay.ms=0',
    // A broker that comes back after a kill need not wait long for its old registration to expire. A shorter time than this ends registrations on busy machines.
    'broker.session.timeout.ms=4000',
    'broker.heartbeat.interval.ms=300',
  ]
}
