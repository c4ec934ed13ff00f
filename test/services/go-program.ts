// Programs in Go that tests need, built once and kept.

import { execFileSync, spawnSync, type ExecFileSyncOptions } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from './kept-folder.ts'

const listFile = fileURLToPath(new URL('go-programs.json', import.meta.url))
const programs = JSON.parse(readFileSync(listFile, 'utf8')) as Readonly<Record<GoProgram, string>>
const buildWithinMs = 9 * 60_000

export type GoProgram = 'versitygw' | 'fake-gcs-server'

const hasGo = spawnSync('go', ['version'], { stdio: 'ignore' }).status === 0

/** For `test(name, { skip }, …)`: without Go such tests are skipped and say so; in CI that is a failure. */
export const skipWithoutGo: string | false =
  !hasGo && process.env['CI'] === undefined ? 'there is no go, which builds the service' : false

/** Returns the path of a program of others. */
export function goProgram(name: GoProgram): string {
  return built(name, [listFile], (into) => {
    go(['install', '-ldflags=-s -w', programs[name]], { env: { ...process.env, GOBIN: into, GOFLAGS: '' } })
  })
}

/** Returns the path of a program of ours, whose source is the folder. */
export function ownGoProgram(name: string, source: string): string {
  const files = ['main.go', 'go.mod', 'go.sum'].map((file) => join(source, file))
  return built(name, files, (into) => go(['build', '-o', join(into, name), '.'], { cwd: source }))
}

function built(name: string, madeOf: readonly string[], fill: (into: string) => void): string {
  return join(keptFolder({ name, madeOf, fill }), name)
}

function go(args: readonly string[], options: ExecFileSyncOptions): void {
  execFileSync('go', args, { ...options, stdio: ['ignore', 'ignore', 'pipe'], timeout: buildWithinMs })
}
