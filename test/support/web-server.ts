// The HTTP port with nothing behind it, for tests that give what they are about.

import { startHttp, type HttpOptions, type HttpServer } from '../../src/http/http.ts'

export function startWeb(options: Partial<HttpOptions> = {}): Promise<HttpServer> {
  return startHttp({
    host: 'localhost',
    port: 0,
    names: ['localhost'],
    unready: async () => undefined,
    problems: () => [],
    metrics: async () => '',
    ...options,
  })
}
