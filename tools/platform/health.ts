import { get } from 'node:http';

export type Readiness = 'ready' | 'degraded' | 'not yet';

/** Asks an app whether it can take requests. Never rejects. */
export function readiness(url: string): Promise<{ state: Readiness; answer: string }> {
  return new Promise((resolve) => {
    const request = get(`${url}/health/ready`, { agent: false, timeout: 3_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ state: stateOf(response.statusCode, body), answer: body }));
      response.on('error', () => resolve({ state: 'not yet', answer: 'its answer broke off' }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 3 s')));
    request.on('error', (error) => resolve({ state: 'not yet', answer: error.message }));
  });
}

function stateOf(status: number | undefined, body: string): Readiness {
  if (status !== 200) return 'not yet';
  try {
    return (JSON.parse(body) as { status?: string }).status === 'degraded' ? 'degraded' : 'ready';
  } catch {
    return 'ready';
  }
}
