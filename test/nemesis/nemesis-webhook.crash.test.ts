// The nemesis over a webhook. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('webhook', { promise: 'a job tells a webhook what happened, all of it and in order' })
