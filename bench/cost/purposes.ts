import { frameTimes, type Frame, profilesIn, type Span } from './cpu-profile.js';

/** What code is there for, by where it is; the first that fits. */
const PURPOSES: readonly (readonly [string, RegExp])[] = [
  [
    'PostgreSQL client',
    /node_modules\/(pg|pg-[^/]+|postgres-[^/]+|typeorm)\/|libs\/service\/src\/(database|prepar(ed|ing))/,
  ],
  ['broker client', /node_modules\/(amqplib|@golevelup\/[^/]+|@nestjs\/microservices)\/|libs\/(rabbitmq|messaging)\//],
  ['outbox, inbox, commands', /libs\/(outbox|inbox)\//],
  ['traces and metrics', /node_modules\/@opentelemetry\/|libs\/tracing\//],
  ['log lines', /node_modules\/(pino|nestjs-pino|@pinojs|sonic-boom)|libs\/service\/src\/log/],
  ['envelopes and validation', /node_modules\/(zod|uuid)\/|libs\/contracts\//],
  ['mail', /node_modules\/nodemailer\/|notification\/src\/[a-z-]*(post|mailer)/],
  ['HTTP', /node_modules\/(fastify|@fastify|find-my-way|@nestjs|rxjs)|node:_http|undici/],
  ['the story itself', /\/(dist\/apps|bench\/peers\/dist)\//],
  // V8's own frames, and functions of C++, are nowhere.
  ['Node and V8', /^(node:.*)?$/],
];
const SYSTEM_CALLS = /^(write|read|open|close|rename|link|unlink|fs)/i;
const REST = 'other libraries, own plumbing';

/** What a frame of a profile is there for. */
export function purposeOf({ url, functionName }: Pick<Frame, 'url' | 'functionName'>): string {
  if (functionName === '(garbage collector)') return 'garbage collection';
  if (url === '' && SYSTEM_CALLS.test(functionName)) return 'system calls';
  return PURPOSES.find(([, where]) => where.test(url))?.[0] ?? REST;
}

/** Of the busy time of all processes that ran a system, within the spans: the share of each purpose. The system is the one whose code a profile shows. */
export async function sharesOf(
  folder: string,
  systems: Readonly<Record<string, { readonly code: RegExp; readonly spans: readonly Span[] }>>,
): Promise<Record<string, Record<string, number>>> {
  const times: Record<string, Record<string, number>> = {};
  for await (const profile of profilesIn(folder)) {
    const ran = ({ code }: { code: RegExp }) => profile.nodes.some(({ callFrame }) => code.test(callFrame.url));
    const found = Object.entries(systems).find(([, system]) => ran(system));
    if (!found) continue;
    const [name, { spans }] = found;
    const of = (times[name] ??= {});
    for (const [frame, us] of spans.flatMap((span) => frameTimes(profile, span))) {
      const purpose = purposeOf(frame);
      of[purpose] = (of[purpose] ?? 0) + us;
    }
  }
  const share = (of: Record<string, number>) => {
    const busy = Object.values(of).reduce((sum, us) => sum + us, 0);
    return Object.fromEntries(Object.entries(of).map(([purpose, us]) => [purpose, us / busy]));
  };
  return Object.fromEntries(Object.keys(systems).map((name) => [name, share(times[name] ?? {})]));
}
