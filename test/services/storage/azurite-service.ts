// Azure's own emulator of Blob Storage, which checks keys and signatures. It is large, so it is installed when a test first needs it, and kept.

import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ContainerClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { freePorts } from '../kafka/free-ports.ts'
import { keptFolder } from '../kept-folder.ts'
import { ServiceProcess, takesConnections } from '../service-process.ts'
import type { ObjectSource } from './folder-copy.ts'
import { ServiceFront, type FrontAnswer } from './service-front.ts'

const packageFile = fileURLToPath(new URL('azurite/package.json', import.meta.url))
export const azureAccount = { name: 'acct1', key: Buffer.from('a key of the account, 32 bytes+/').toString('base64') }

/** Installs it. Returns why it cannot be had; in CI that is an error. */
export function azuriteIsMissing(): string | undefined {
  try {
    azuriteMain()
    return undefined
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error
    return `Azurite cannot be installed: ${(error as Error).message.slice(0, 200)}`
  }
}

function azuriteMain(): string {
  const folder = keptFolder({
    name: 'azurite',
    madeOf: [packageFile],
    fill(into) {
      copyFileSync(packageFile, join(into, 'package.json'))
      const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
      execFileSync('npm', ['install', ...flags], { cwd: into, stdio: ['ignore', 'ignore', 'pipe'], timeout: 300_000 })
    },
  })
  return join(folder, 'node_modules/azurite/dist/src/blob/main.js')
}

export class Azurite implements AsyncDisposable {
  readonly #dir: string
  readonly #service: ServiceProcess
  readonly #direct: string
  /** Through which changefeeds reach it. */
  readonly front: ServiceFront

  private constructor(dir: string, service: ServiceProcess, { port, front }: { port: number; front: ServiceFront }) {
    this.#dir = dir
    this.#service = service
    this.#direct = `http://127.0.0.1:${port}/${azureAccount.name}`
    this.front = front
  }

  static async start(): Promise<Azurite> {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-azure-'))
    const [port = 0] = await freePorts(1)
    const blob = ['--blobHost', '127.0.0.1', '--blobPort', String(port), '--location', dir]
    const service = await ServiceProcess.start({
      name: 'Azurite',
      command: process.execPath,
      args: [azuriteMain(), ...blob, '--silent', '--disableTelemetry', '--skipApiVersionCheck'],
      env: { AZURITE_ACCOUNTS: `${azureAccount.name}:${azureAccount.key}` },
      isReady: () => takesConnections(port),
    })
    return new Azurite(dir, service, { port, front: await ServiceFront.start(port) })
  }

  /** The URL of the blobs of the account. */
  get url(): string {
    return `${this.front.url}/${azureAccount.name}`
  }

  /** The parameters of a URI that writes into it. */
  get parameters(): string {
    return `AZURE_ACCOUNT_NAME=${azureAccount.name}&AZURE_ACCOUNT_KEY=${encodeURIComponent(azureAccount.key)}&AZURE_ENDPOINT=${encodeURIComponent(this.url)}`
  }

  /** Not through the front. */
  container(name: string): ContainerClient {
    return new ContainerClient(
      `${this.#direct}/${name}`,
      new StorageSharedKeyCredential(azureAccount.name, azureAccount.key),
    )
  }

  /** All blobs of a container. */
  source(name: string): ObjectSource {
    const client = this.container(name)
    return {
      list: async () => (await Array.fromAsync(client.listBlobsFlat())).map((blob) => blob.name),
      get: (blob) => client.getBlobClient(blob).downloadToBuffer(),
    }
  }

  async objects(container: string, folder: string): Promise<ReadonlyMap<string, Buffer>> {
    const client = this.container(container)
    const found = new Map<string, Buffer>()
    for await (const { name } of client.listBlobsFlat({ prefix: `${folder}/` })) {
      found.set(name.slice(folder.length + 1), await client.getBlobClient(name).downloadToBuffer())
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]()
    await this.#service[Symbol.asyncDispose]()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** The answer of Azure to a request that it does not take. */
export function azureError(status: number, code: string, message = code): FrontAnswer {
  return {
    status,
    headers: { 'x-ms-error-code': code, 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
  }
}
