// How the parts of the Kafka sink report what happens: each call becomes one line of the server log.

export type KafkaLog = (level: 'info' | 'warn' | 'error', text: string) => void
