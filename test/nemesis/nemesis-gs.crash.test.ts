// The nemesis over files in Google Cloud Storage. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('gs', { promise: 'the files in a bucket tell what happened, all of it and in the order of their names' })
