// A folder of the server as a place for files. A file stands where the folder should be for a while, so that nothing can be written
// there, and the server is killed at the moment at which a file becomes visible, before the job has saved that.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestServer } from '../server/test-server.ts'
import { hiddenIn, isFolder, namesIn } from '../support/read-folder.ts'
import type { NemesisFarEnd } from './far-end.ts'
import { filesFarEnd } from './files-far-end.ts'

/** How long a file is waited for that becomes visible. */
const waitMs = 3000

export function nodelocalFarEnd(server: TestServer): NemesisFarEnd {
  const root = join(server.storeDir, 'extern', 'nemesis')
  const away = `${root}.away`
  const pathOf = (...path: readonly string[]): string => join(isFolder(away) ? away : root, ...path)
  const moveAway = (): void => {
    if (!isFolder(root)) return
    renameSync(root, away)
    writeFileSync(root, '')
  }
  const moveBack = (): void => {
    if (!isFolder(away)) return
    rmSync(root, { recursive: true })
    renameSync(away, root)
  }
  const files = filesFarEnd({
    name: 'nodelocal',
    uri: (folder) => `nodelocal://1/nemesis/${folder}`,
    names: (folder) => (isFolder(pathOf(folder)) ? namesIn(pathOf(folder)) : []),
    file: (folder, name) => readFileSync(pathOf(folder, name)),
    cameAt: (folder, name) => statSync(pathOf(folder, name), { bigint: true }).mtimeNs,
    remove(folder) {
      moveBack()
      const left = isFolder(pathOf(folder)) ? hiddenIn(pathOf(folder)) : []
      rmSync(pathOf(folder), { recursive: true, force: true })
      if (left.length > 0) throw new Error(`hidden files were left: ${left.join()}`)
    },
    fail: moveAway,
    calm: moveBack,
    break: moveAway,
    mend: moveBack,
    cut() {
      moveAway()
      moveBack()
    },
  })
  return {
    ...files,
    events: (random) => [
      ...files.events(random),
      [3, ['kill the server when a file becomes visible', () => killAtFile(server, root)]],
    ],
  }
}

async function killAtFile(server: TestServer, root: string): Promise<void> {
  mkdirSync(root, { recursive: true })
  const killed = Promise.withResolvers<void>()
  // That a file is there under its hidden name is told when it is made, and again when it gets its own.
  const watcher = watch(root, { recursive: true }, (_event, path) => {
    if (path === null || !/(?:^|\/)\.[^/]*\.part$/.test(path) || existsSync(join(root, path))) return
    killed.resolve(server.kill())
  })
  await Promise.race([killed.promise, delay(waitMs)])
  watcher.close()
  await server.kill()
  await server.restart()
}
