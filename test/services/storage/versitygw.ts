// A real S3 service, which keeps its objects as files: it checks signatures, and shows an object only when all of it is there.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { isFolder, namesIn } from '../../support/read-folder.ts'
import { goProgram } from '../go-program.ts'
import { freePorts } from '../kafka/free-ports.ts'
import { ServiceProcess, takesConnections } from '../service-process.ts'
import { ServiceFront } from './service-front.ts'

export const s3Keys = { id: 'ROOTKEY12345', secret: 'r00t+s3cret/of-the-service' } as const
const region = 'us-east-1'

export class Versitygw implements AsyncDisposable {
  readonly #dir: string
  readonly #service: ServiceProcess
  readonly #client: S3Client
  /** Through which changefeeds reach it. */
  readonly front: ServiceFront
  /** Its URL without the front. */
  readonly directUrl: string

  private constructor(dir: string, service: ServiceProcess, { port, front }: { port: number; front: ServiceFront }) {
    this.#dir = dir
    this.#service = service
    this.front = front
    this.directUrl = `http://127.0.0.1:${port}`
    this.#client = new S3Client({
      region,
      endpoint: this.directUrl,
      forcePathStyle: true,
      credentials: { accessKeyId: s3Keys.id, secretAccessKey: s3Keys.secret },
    })
  }

  static async start(): Promise<Versitygw> {
    const dir = mkdtempSync(join(tmpdir(), 'changefeed-s3-'))
    for (const name of ['data', 'iam']) mkdirSync(join(dir, name))
    const [port = 0] = await freePorts(1)
    const service = await ServiceProcess.start({
      name: 'versitygw',
      command: goProgram('versitygw'),
      args: ['--quiet', '--port', `127.0.0.1:${port}`, '--iam-dir', join(dir, 'iam'), 'posix', join(dir, 'data')],
      env: { ROOT_ACCESS_KEY: s3Keys.id, ROOT_SECRET_KEY: s3Keys.secret },
      isReady: () => takesConnections(port),
    })
    return new Versitygw(dir, service, { port, front: await ServiceFront.start(port) })
  }

  /** The parameters of a URI that writes into it. */
  get parameters(): string {
    return this.parametersAt(this.front.url)
  }

  parametersAt(url: string): string {
    return `AWS_ACCESS_KEY_ID=${s3Keys.id}&AWS_SECRET_ACCESS_KEY=${encodeURIComponent(s3Keys.secret)}&AWS_ENDPOINT=${encodeURIComponent(url)}&AWS_REGION=${region}`
  }

  async makeBucket(Bucket: string): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket }))
  }

  /** The service keeps the objects of a bucket as files in this folder. */
  folderOf(bucket: string, folder = ''): string {
    return join(this.#dir, 'data', bucket, folder)
  }

  /** As its API lists them. */
  async list(Bucket: string, Prefix = ''): Promise<readonly string[]> {
    const { Contents = [] } = await this.#client.send(new ListObjectsV2Command({ Bucket, Prefix }))
    return Contents.map(({ Key = '' }) => Key)
  }

  /** The keys of uploads that are not complete. */
  async uploads(Bucket: string): Promise<readonly string[]> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket }))
    return Uploads.map(({ Key = '' }) => Key)
  }

  async objects(bucket: string, folder: string): Promise<ReadonlyMap<string, Buffer>> {
    const root = this.folderOf(bucket, folder)
    const names = isFolder(root) ? namesIn(root) : []
    return new Map(names.map((name) => [name, readFileSync(join(root, name))]))
  }

  async kill(): Promise<void> {
    await this.#service.kill()
  }

  async restart(): Promise<void> {
    await this.#service.restart()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
    await this.front[Symbol.asyncDispose]()
    await this.#service[Symbol.asyncDispose]()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

/** The answer of S3 to an object that it has taken. */
export const s3Taken = { status: 200, headers: { etag: '"0123456789abcdef0123456789abcdef"' } } as const

/** The answer of S3 to the question what is in a bucket. */
export const s3Listed = {
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: '<ListBucketResult><Name>files</Name></ListBucketResult>',
} as const

/** The answer of S3 to a request that it does not take. */
export function s3Error(
  status: number,
  code: string,
  message = code,
): { status: number; body: string; headers: Record<string, string> } {
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message><RequestId>1</RequestId></Error>`,
  }
}
