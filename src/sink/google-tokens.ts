// Access tokens of Google Cloud: fetched once for all who wait, kept while they are valid, and fetched again when they have been refused.
// This file loads Google's library, so only what opens a sink may import it.

import { GoogleAuth, JWT, UserRefreshClient, type AuthClient } from 'google-auth-library'
import { orAbort } from '../async/or-abort.ts'
import { FeedError } from '../errors/feed-error.ts'
import type { GoogleCredentials, GoogleKey } from './google-credentials.ts'
import { saidBy } from './said-by.ts'

const anyService = 'https://www.googleapis.com/auth/cloud-platform'
/** How long the issuer of tokens may take. */
const defaultAskMs = 20_000
const maxSaid = 200
/** So long before the end of a token it is replaced. */
const earlyMs = 5 * 60_000

export interface GoogleTokensOptions {
  readonly credentials: GoogleCredentials
  /** The scopes of the service. */
  readonly scopes: readonly string[]
  /** For requests to the issuer of tokens; undefined: that of Node. */
  readonly fetch?: typeof fetch
  readonly askMs?: number
}

export class GoogleTokens {
  readonly #options: GoogleTokensOptions
  #source: Promise<TokenSource> | undefined

  constructor(options: GoogleTokensOptions) {
    this.#options = options
  }

  /** Returns the headers that authorize a request. */
  async headers(signal?: AbortSignal): Promise<Headers> {
    const { askMs = defaultAskMs, credentials } = this.#options
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(new FeedError('FEED_SINK', `Google gave no access token within ${askMs / 1000} s`))
    }, askMs)
    try {
      return await orAbort(Promise.race([this.#ask(), late.promise]), signal)
    } catch (error) {
      signal?.throwIfAborted()
      throw error instanceof FeedError ? error : tokenError(error, credentials.key)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Called when the service refused a token: the next request gets a new one. */
  forget(): void {
    this.#source = undefined
  }

  async #ask(): Promise<Headers> {
    this.#source ??= this.#open()
    const source = this.#source
    try {
      return await (await source).getRequestHeaders()
    } catch (error) {
      if (this.#source === source) this.#source = undefined
      throw error
    }
  }

  async #open(): Promise<TokenSource> {
    const { credentials, scopes, fetch: own } = this.#options
    const { key, assumeRoles } = credentials
    const options = own === undefined ? {} : { transporterOptions: { fetchImplementation: own } }
    if (assumeRoles.length === 0) return clientOf(key, [...scopes], options)
    return new AssumedRole(await clientOf(key, [anyService], options), assumeRoles, scopes)
  }
}

type TokenSource = Pick<AuthClient, 'getRequestHeaders'>

/** The token of the last of some service accounts. Google's library has a class for it, which prints a warning whenever it is used. */
class AssumedRole implements TokenSource {
  readonly #client: AuthClient
  readonly #url: string
  readonly #request: object
  #asking: Promise<Headers> | undefined
  #renewAtMs = 0

  constructor(client: AuthClient, roles: readonly string[], scopes: readonly string[]) {
    const names = roles.map((role) => `projects/-/serviceAccounts/${role}`)
    const [target, delegates] = [names.at(-1), names.slice(0, -1)]
    this.#client = client
    this.#url = `https://iamcredentials.googleapis.com/v1/${target}:generateAccessToken`
    this.#request = { delegates, scope: scopes, lifetime: '3600s' }
  }

  getRequestHeaders(): Promise<Headers> {
    if (this.#asking === undefined || Date.now() >= this.#renewAtMs) {
      this.#renewAtMs = Number.POSITIVE_INFINITY
      this.#asking = this.#ask()
    }
    return this.#asking
  }

  async #ask(): Promise<Headers> {
    const { data } = await this.#client.request<{ accessToken: string; expireTime: string }>({
      url: this.#url,
      method: 'POST',
      data: this.#request,
    })
    this.#renewAtMs = Date.parse(data.expireTime) - earlyMs
    return new Headers({ authorization: `Bearer ${data.accessToken}` })
  }
}

type TransporterOptions = Pick<NonNullable<ConstructorParameters<typeof JWT>[0]>, 'transporterOptions'>

async function clientOf(key: GoogleKey, scopes: string[], options: TransporterOptions): Promise<AuthClient> {
  if (key.tag === 'service-account') {
    const { email, key: pem } = key
    return new JWT({ email, key: pem, scopes, ...options })
  }
  if (key.tag === 'user') {
    const { clientId, clientSecret, refreshToken } = key
    return new UserRefreshClient({ clientId, clientSecret, refreshToken, ...options })
  }
  // Without a project the library asks several services which one it is, and fails if it may not know.
  return new GoogleAuth({ scopes, clientOptions: options, projectId: 'none' }).getClient()
}

/** Refused credentials stay refused; everything else may pass. */
function tokenError(error: unknown, key: GoogleKey): FeedError {
  const { status, message = String(error) } = error as { readonly status?: unknown; readonly message?: string }
  const said = saidBy(message, key.tag === 'user' ? [key.clientSecret, key.refreshToken] : [], maxSaid)
  if (/invalid_grant|invalid_client|unauthorized_client|account_?disabled/i.test(said)) {
    return new FeedError('FEED_CREDENTIALS', `Google refuses the credentials: ${said}`, {
      hint: 'the key was deleted, or the account is disabled: create a new key, or correct the clock of the server',
    })
  }
  const hint =
    key.tag === 'implicit' && /default credentials/i.test(said)
      ? 'AUTH=implicit needs credentials on the machine of the server, such as GOOGLE_APPLICATION_CREDENTIALS'
      : status === 403
        ? 'ASSUME_ROLE needs the role Service Account Token Creator on each account that is assumed'
        : undefined
  // The errors of the library hold requests with secrets, so they never become the cause of one of ours.
  return new FeedError('FEED_SINK', `there is no access token of Google: ${said}`, { hint })
}
