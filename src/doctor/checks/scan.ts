import { durationText, sizeText } from '../amounts.ts'
import { ok, warning, type TableCheck } from '../finding.ts'
import { heapsOf } from '../heaps.ts'

export const scan: TableCheck = {
  id: 'scan',
  about:
    'How many rows and bytes an initial scan reads, and how long that takes at the speed of a sample of a few megabytes.',
  judge(table) {
    const { sample } = table
    if (sample === undefined) return undefined
    if (sample.why !== undefined)
      return warning(`its size could not be read: ${sample.why}`, 'end what has locked the table, and ask again')
    const heaps = heapsOf(table)
    const counted = heaps.every(({ rows }) => rows >= 0)
    const rows = heaps.reduce((sum, heap) => sum + Math.max(0, heap.rows), 0)
    const estimate = counted ? rows : sample.rows
    const count =
      estimate === undefined
        ? 'rows that nobody has counted (ANALYZE does)'
        : `about ${estimate} ${estimate === 1 ? 'row' : 'rows'}`
    const time =
      sample.seconds === undefined ? '' : `, ${durationText(sample.seconds)} on one connection, without the sink`
    return ok(`an initial scan reads ${count}, ${sizeText(sample.bytes)}${time}`)
  },
}
