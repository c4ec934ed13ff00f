// `webhook-https://https://host/path` would be read as the host `https`.

/** Whether the part of a URI after its scheme begins with a scheme again. A colon before the path has a port behind it otherwise. */
export function hasScheme(place: string): boolean {
  return /^[^/@]*:(?:\/|$)/.test(place)
}
