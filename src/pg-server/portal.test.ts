import assert from 'node:assert/strict'
import { test } from 'node:test'
import { walk } from '../../test/support/walk-phases.ts'
import type { LocalRun, RunResult } from './local-run.ts'
import { followPortal, Portal, type PortalPhase } from './portal.ts'

/** A statement of two rows, of which what was asked of it is noted. */
function twoRows(): { readonly run: LocalRun; readonly asked: string[] } {
  const asked: string[] = []
  let left = 2
  const advance = async (maxRows: number): Promise<RunResult> => {
    asked.push(`advance ${maxRows}`)
    left = maxRows === 0 ? 0 : left - maxRows
    return left > 0 ? { tag: 'suspended' } : { tag: 'done', commandTag: 'TICK 2' }
  }
  const run = { isActive: false, advance, suspend: () => asked.push('suspend'), abort: () => asked.push('abort') }
  return { run: run as unknown as LocalRun, asked }
}

const portal = (): Portal => {
  const statement = { parameterTypes: [], columns: undefined, run: async () => '' }
  return new Portal({ statement, sql: '', parameters: [], resultFormats: [] })
}

test('of all pairs of phases of a portal exactly these follow each other', () => {
  const phases: Readonly<Record<PortalPhase['tag'], PortalPhase>> = {
    bound: { tag: 'bound' },
    running: { tag: 'running', run: twoRows().run },
    done: { tag: 'done', result: { tag: 'done', commandTag: '' } },
  }
  assert.deepEqual(walk(phases, followPortal), ['bound → running', 'running → done', 'done → nothing'])
})

test('a portal starts its statement once, and answers with the command tag as often as it is executed', async () => {
  const { run, asked } = twoRows()
  const executed = portal()
  let starts = 0
  const start = (): LocalRun => {
    starts += 1
    return run
  }
  for (let i = 0; i < 4; i++) await executed.execute(1, start)
  assert.deepEqual(await executed.execute(1, start), { tag: 'done', commandTag: 'TICK 2' })
  executed.close()
  assert.deepEqual([starts, asked], [1, ['advance 1', 'advance 1']])
})

test('a Close that waits after the Execute of a few rows ends the wait for them, and of all rows does not', async () => {
  for (const [maxRows, expected] of [
    [1, ['advance 1', 'suspend', 'abort']],
    [0, ['advance 0']],
  ] as const) {
    const { run, asked } = twoRows()
    const left = portal()
    left.executeComes(maxRows)
    left.closeComes()
    await left.execute(maxRows, () => run)
    left.close()
    assert.deepEqual(asked, expected)
  }
})
