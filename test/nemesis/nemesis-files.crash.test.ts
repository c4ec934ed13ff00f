// The nemesis over files of a web server. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('files', { promise: 'the files of a job tell what happened, all of it and in the order of their names' })
