// The nemesis over files in S3. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('s3', { promise: 'the files in a bucket tell what happened, all of it and in the order of their names' })
