// Tries the alert rules of the guide on series of numbers, by the program that Prometheus brings along for that.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unpackedProgram } from '../debian-program.ts'

const rules = fileURLToPath(new URL('../../../docs/guide/monitoring/alerts.yml', import.meta.url))
const everySeconds = 30
const hasPromtool = spawnSync('promtool', ['--version']).status === 0

/** The value at a minute; undefined: the series is not there. */
export type SeriesValue = (minute: number) => number | undefined

export interface Scenario {
  readonly name: string
  /** By the name with its labels. */
  readonly series: Readonly<Record<string, SeriesValue>>
  /** The names of the alerts that fire at a minute, and no others. */
  readonly firing: Readonly<Record<number, readonly string[]>>
}

/** Returns what is wrong; undefined: the rules can be read, and exactly those alerts fire. */
export function tryRules(scenarios: readonly Scenario[]): string | undefined {
  const program = hasPromtool ? 'promtool' : unpackedProgram('prometheus', 'usr/bin/promtool')
  const dir = mkdtempSync(join(tmpdir(), 'promtool-'))
  try {
    const path = join(dir, 'tests.yml')
    const interval = `${everySeconds}s`
    // JSON is YAML.
    writeFileSync(
      path,
      JSON.stringify({
        rule_files: [rules],
        evaluation_interval: interval,
        tests: scenarios.map((scenario) => ({ interval, ...testOf(scenario) })),
      }),
    )
    const check = spawnSync(program, ['check', 'rules', rules], { encoding: 'utf8' })
    if (check.status !== 0) return check.stdout + check.stderr
    const { status, stdout, stderr } = spawnSync(program, ['test', 'rules', path], { encoding: 'utf8' })
    return status === 0 ? undefined : stdout + stderr
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function testOf({ name, series, firing }: Scenario) {
  const minutes = Object.keys(firing).map(Number)
  const count = (Math.max(...minutes) * 60) / everySeconds + 1
  const values = (value: SeriesValue): string =>
    Array.from({ length: count }, (_, i) => value((i * everySeconds) / 60) ?? 'stale').join(' ')
  return {
    name,
    input_series: Object.entries(series).map(([text, value]) => ({ series: text, values: values(value) })),
    promql_expr_test: minutes.map((minute) => ({
      expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
      eval_time: `${minute * 60}s`,
      exp_samples: (firing[minute] ?? []).map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
    })),
  }
}
