// Where the parts of the Kafka sink report what happens: one line of the server log for each call.

export type KafkaLog = (level: 'info' | 'warn' | 'error', text: string) => void
