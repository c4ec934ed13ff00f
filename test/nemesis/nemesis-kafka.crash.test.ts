// The nemesis over a real Kafka. NEMESIS_SEEDS says which seeds run, NEMESIS_FORMAT in which format; by default in both.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('kafka', { promise: 'a job tells Kafka what happened, all of it and in order' })
