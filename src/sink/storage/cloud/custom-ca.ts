// Certificates of authorities of one's own, which clients of storage trust beside those of the server.

import { getCACertificates } from 'node:tls'
import { FeedError } from '../../../errors/feed-error.ts'
import { isCertificate } from '../../certificates.ts'

/** Returns the option of an agent. `customCa`: the value of cloudstorage.http.custom_ca; undefined: it is empty. */
export function trusting(customCa: string | undefined): { readonly ca?: string[] } {
  if (customCa === undefined) return {}
  if (!isCertificate(customCa)) {
    throw new FeedError('FEED_SINK', 'the cluster setting cloudstorage.http.custom_ca is no PEM certificate', {
      hint: 'an admin sets it to the text of the certificate, with its lines, or takes it back: RESET CLUSTER SETTING cloudstorage.http.custom_ca',
    })
  }
  // With a list of its own an agent would trust only that.
  return { ca: [...getCACertificates('default'), customCa] }
}
