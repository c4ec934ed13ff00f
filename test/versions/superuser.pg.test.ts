// As a superuser, who may install what is needed.

import { feedOnVersions } from './feed-on-versions.ts'

feedOnVersions({ name: 'as a superuser', versions: [14, 16, 18], options: {} })
