// The content type of an object. A compressed object has that of its compression, and no Content-Encoding: with it, far ends and clients take
// the compression away on the way, and readers that go by the name (`.gz`) find plain bytes, or those of another length.

import type { StorageObject } from '../storage-client.ts'

export function contentTypeOf({ contentType, contentEncoding }: StorageObject): string {
  return contentEncoding === undefined ? contentType : `application/${contentEncoding}`
}
