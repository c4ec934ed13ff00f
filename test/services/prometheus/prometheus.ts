// A Prometheus that scrapes a server every second, with the alert rules of the guide. Its program is on the PATH, or PROMETHEUS
// names it, or it is that of Debian's package.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unpackedProgram } from '../debian-program.ts'
import { freePorts } from '../kafka/free-ports.ts'
import { ServiceProcess, takesConnections } from '../service-process.ts'

const rules = new URL('../../../docs/guide/monitoring/alerts.yml', import.meta.url)

const named = process.env['PROMETHEUS'] ?? 'prometheus'
const isThere = spawnSync(named, ['--version']).status === 0
const hasApt = existsSync('/usr/bin/apt-get')

/** For `test(name, { skip }, …)`: where Debian's cannot be had such tests are skipped and say so; in CI that is a failure. */
export const skipWithoutPrometheus: string | false =
  !isThere && !hasApt && process.env['CI'] === undefined
    ? 'there is no Prometheus on the PATH, nor in PROMETHEUS, and no apt-get that could download it'
    : false

export interface Alert {
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

interface Answer<Data> {
  readonly status: string
  readonly error?: string
  readonly data: Data
}

export interface QueryResult {
  readonly result: readonly {
    readonly metric: Readonly<Record<string, string>>
    readonly value: readonly [number, string]
  }[]
}

export class Prometheus implements AsyncDisposable {
  readonly #dir: string
  readonly #port: number
  readonly #process: ServiceProcess

  private constructor(dir: string, port: number, process: ServiceProcess) {
    this.#dir = dir
    this.#port = port
    this.#process = process
  }

  /** The pauses before an alert fires are shortened to a second; everything else of the rules stays. */
  static async start(target: string): Promise<Prometheus> {
    const dir = mkdtempSync(join(tmpdir(), 'prometheus-'))
    const [port = 0] = await freePorts(1)
    writeFileSync(join(dir, 'alerts.yml'), readFileSync(rules, 'utf8').replace(/^( +for: ).*$/gm, '$11s'))
    writeFileSync(
      join(dir, 'prometheus.yml'),
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [alerts.yml]
scrape_configs:
  - job_name: changefeed
    metrics_path: /_status/vars
    static_configs: [{ targets: ['${target}'] }]
`,
    )
    const command = {
      name: 'Prometheus',
      command: isThere ? named : unpackedProgram('prometheus', 'usr/bin/prometheus'),
      args: [
        `--config.file=${join(dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      isReady: () => takesConnections(port),
    }
    return new Prometheus(dir, port, await ServiceProcess.start(command))
  }

  async alerts(): Promise<readonly Alert[]> {
    return (await this.#get<{ readonly alerts: readonly Alert[] }>('alerts')).alerts
  }

  query(expression: string): Promise<QueryResult> {
    return this.#get(`query?query=${encodeURIComponent(expression)}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]()
    rmSync(this.#dir, { recursive: true, force: true })
  }

  async #get<Data>(path: string): Promise<Data> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/${path}`)
    const { status, error, data } = (await response.json()) as Answer<Data>
    if (status !== 'success') throw new Error(`${path}: ${error}`)
    return data
  }
}
