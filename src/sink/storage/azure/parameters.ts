// The parameters of azure-blob:// URIs.

import type { ParameterFacts } from '../../sink-parameters.ts'

export const azureParameters = {
  AUTH: {
    about:
      'Without it: with AZURE_ACCOUNT_KEY or AZURE_SAS_TOKEN. `specified`: with the client, its secret and the tenant in the URI. `implicit`: with the credentials of the server: its environment, a workload identity, or the managed identity of the machine.',
  },
  AZURE_ACCOUNT_NAME: { about: 'The storage account.' },
  AZURE_ACCOUNT_KEY: { isSecret: true, about: 'A key of the account. `+` and `/` are written `%2B` and `%2F`.' },
  AZURE_SAS_TOKEN: {
    isSecret: true,
    about: 'A shared access signature with the rights to create and write, percent-encoded as a whole.',
  },
  AZURE_CLIENT_ID: { about: 'The client (application) of `AUTH=specified`.' },
  AZURE_CLIENT_SECRET: { isSecret: true, about: 'Its secret.' },
  AZURE_TENANT_ID: { about: 'Its tenant.' },
  AZURE_ENVIRONMENT: {
    default: '`AZUREPUBLICCLOUD`',
    about: 'The cloud: also `AZUREUSGOVERNMENTCLOUD`, `AZURECHINACLOUD` and `AZUREGERMANCLOUD`.',
  },
  AZURE_ENDPOINT: {
    about:
      'The URL of the blobs of the account, where it is not that of the cloud: for Azure Stack, or Azurite in tests.',
  },
} as const satisfies Readonly<Record<string, ParameterFacts>>
