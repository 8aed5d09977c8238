/** Address of an API on the emulator. API Gateway's own host names, which the stacks output, only resolve on AWS. */
export function emulatedApiUrl(endpoint: string, apiUrl: string): string {
  const [, apiId = ''] = /\/\/([^.]+)\./.exec(apiUrl) ?? [];
  return `${endpoint}/_aws/execute-api/${apiId}/$default`;
}
