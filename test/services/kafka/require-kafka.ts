// Tests that need a Kafka: where Java or Maven is missing they are skipped and say so; in CI that is a failure.

import { kafkaIsMissing } from './kafka-jars.ts'

const missing = kafkaIsMissing()

/** For `test(name, { skip }, …)`. */
export const skipWithoutKafka: string | false =
  missing !== undefined && process.env['CI'] === undefined ? `there is no Kafka to be had: ${missing}` : false
