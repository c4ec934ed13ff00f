// A program: a broker starts, does a little and ends, so that its JVM leaves Kafka's classes in a folder (kafka-classes.ts).

import { leavesClasses } from './kafka-classes.ts'
import { KafkaBroker } from './kafka-broker.ts'

const [, , folder] = process.argv
if (folder === undefined) throw new Error('keep-classes.ts wants a folder')
await using broker = await KafkaBroker.start({ classFlags: leavesClasses(folder) })
await broker.createTopic('classes')
await broker.stop()
