/** Opens `/ops` of services started here where nobody gave a token: the command line then works with no setting. */
export const developmentToken = 'farandole-on-this-machine';

/** Only where the services listen to this machine alone: a token that everybody knows protects nothing. */
export function opsTokenFor({ HOST, OPS_TOKEN, OPS_TOKEN_FILE }: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const isLocal = !HOST || isLoopback(HOST);
  return isLocal && !OPS_TOKEN && !OPS_TOKEN_FILE ? { OPS_TOKEN: developmentToken } : {};
}

export function isLoopback(host: string): boolean {
  return /^(127(\.\d+){3}|localhost|\[?::1\]?)$/.test(host);
}
