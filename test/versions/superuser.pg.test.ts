// As a superuser, who may install what is needed.

import { feedOnVersions } from './feed-on-versions.ts'

feedOnVersions({ name: 'as a superuser', options: {} })
