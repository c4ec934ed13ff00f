// Asks the server for the values of lines.

import type { SeriesAnswers } from '../../../src/server/api/answers.ts'
import { ApiError, get } from '../api.ts'
import { GatheredSeries } from './gathered-series.ts'

/** Those of all graphs of the page. */
export const pageSeries = new GatheredSeries(
  async (names, options, signal) => (await get<SeriesAnswers>('series', { ...options, name: names }, signal)).answers,
  (error) => error instanceof ApiError && error.status >= 400 && error.status < 500,
)
