// The nemesis over files in a folder of the server. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('nodelocal', {
  promise: 'the files in a folder tell what happened, all of it and in the order of their names',
})
