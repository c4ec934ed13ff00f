// How a JVM gets Kafka's classes: from a file that has them read and checked (an archive of class data sharing), which is made once and kept. Most of
// what a broker computes until it is ready is that, and the tests start some seventy of them, each with a tool or two.
//
// Where the file does not fit, after an update of Java, the JVM reads the classes as ever.

import { spawnSync } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keptFolder } from '../kept-folder.ts'
import { kafkaPom } from './kafka-jars.ts'

const archive = 'kafka.jsa'
const maker = fileURLToPath(new URL('keep-classes.ts', import.meta.url))

/** Flags of the JVM. The first call makes the file. */
export function keptClasses(): readonly string[] {
  const folder = keptFolder({ name: 'kafka-classes', madeOf: [kafkaPom, maker, ...javaRelease()], fill })
  // That it does not fit is nothing to warn of among the output of a tool.
  return [`-XX:SharedArchiveFile=${join(folder, archive)}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']
}

/** Flags of a JVM that leaves the file behind when it ends. */
export function leavesClasses(folder: string): readonly string[] {
  return [`-XX:ArchiveClassesAtExit=${join(folder, archive)}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']
}

function fill(folder: string): void {
  const { status, stderr } = spawnSync(process.execPath, [maker, folder], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the classes of Kafka could not be kept: ${stderr}`)
  if (!existsSync(join(folder, archive))) throw new Error('the JVM has not kept the classes of Kafka')
}

/** The file that says which Java this is, where there is one. */
function javaRelease(): string[] {
  const java = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'java'))
    .find(existsSync)
  const release = java === undefined ? '' : join(dirname(realpathSync(java)), '..', 'release')
  return existsSync(release) ? [release] : []
}
