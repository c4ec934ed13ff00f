// A web server as a place for files.

import type { PutAnswer, PutServer } from '../services/storage/put-server.ts'
import type { FilesPlace } from './files-far-end.ts'

export function webPlace(server: PutServer, address: string): FilesPlace {
  return {
    name: 'files',
    uri: (folder) => `file-http://${address}/${folder}`,
    names: (folder) =>
      [...server.files.keys()]
        .filter((path) => path.startsWith(`/${folder}/`))
        .map((path) => decodeURIComponent(path.slice(folder.length + 2))),
    file: (folder, name) => server.files.get(pathOf(folder, name)) as Buffer,
    cameAt: (folder, name) => server.cameAt.get(pathOf(folder, name)),
    remove(folder) {
      for (const path of server.files.keys()) if (path.startsWith(`/${folder}/`)) server.files.delete(path)
    },
    fail(random) {
      server.trouble = () =>
        random.pick<PutAnswer>([
          [3, 201],
          [2, 'lose'],
          [2, 'cut'],
          [2, 500],
          [1, 503],
          [1, 429],
        ])
    },
    calm() {
      server.trouble = () => 201
    },
    break: () => server.break(),
    mend: () => server.mend(),
    cut: () => server.cut(),
  }
}

function pathOf(folder: string, name: string): string {
  return `/${folder}/${name.split('/').map(encodeURIComponent).join('/')}`
}
