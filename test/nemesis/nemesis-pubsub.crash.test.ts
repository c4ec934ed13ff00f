// The nemesis over Pub/Sub. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('pubsub', { promise: 'a job tells Pub/Sub what happened, all of it and in order' })
