// The nemesis over files in Azure Blob Storage. NEMESIS_SEEDS says which seeds run.

import { nemesisTests } from './nemesis-tests.ts'

nemesisTests('azure', {
  promise: 'the files in a container tell what happened, all of it and in the order of their names',
})
