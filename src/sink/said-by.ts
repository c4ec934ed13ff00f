// What a far end says, for messages of ours. It may repeat what it was sent.

/** What a request carries that is as good as a secret: tokens and signatures. */
const carried = /(\bBearer |\bSharedKey [^:\s]+:|\bSignature=|\bsig=|\bx-amz-security-token"?[:=]\s*"?)[^\s"'&,;<>]+/gi
const signedToken = /\beyJ[\w-]{10,}\.[\w-]+(?:\.[\w-]*)?/g

/** Returns one line. The secrets are removed before it is cut. */
export function saidBy(text: string, secrets: readonly (string | undefined)[], maxLength = 500): string {
  let shown = text
  for (const secret of secrets) {
    if (secret === undefined || secret.length < 4) continue
    shown = shown.replaceAll(secret, 'redacted').replaceAll(encodeURIComponent(secret), 'redacted')
  }
  return shown
    .replace(carried, '$1redacted')
    .replace(signedToken, 'redacted')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, maxLength)
}
