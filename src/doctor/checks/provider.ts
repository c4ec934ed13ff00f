import { ok, type ServerCheck } from '../finding.ts'

export const provider: ServerCheck = {
  id: 'provider',
  about: 'Who runs the server, as far as its roles and settings show: remedies name the parameters of that provider.',
  judge: ({ provider: { name } }) => ok(name),
}
