// The names that Pub/Sub takes for topics. A name that it does not take would fail with the first row, or when the changefeed is opened.

const wellFormed = /^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/

export const topicNameRule =
  'the name of a topic has 3 to 255 letters, digits and - . _ ~ + %, begins with a letter, and not with goog'

export function isTopicName(name: string): boolean {
  return wellFormed.test(name) && !name.startsWith('goog')
}

/** Returns what is wrong with a name that is none of a topic. */
export function faultOf(name: string): string {
  const [first = ''] = name
  if (name.startsWith('goog')) return 'it begins with goog'
  if (!/^[A-Za-z]/.test(name)) return `it begins with ${JSON.stringify(first)}`
  const [other] = /[^A-Za-z0-9._~+%-]/u.exec(name) ?? []
  if (other !== undefined) return `it has the character ${JSON.stringify(other)}`
  return name.length < 3 ? 'it is too short' : `it has ${name.length} characters`
}
