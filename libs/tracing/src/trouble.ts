import { diag, DiagLogLevel } from '@opentelemetry/api';

/** The same is not told again within this time: an exporter tries every few seconds. */
const AGAIN_AFTER_MS = 60_000;
/** Different lines that are remembered. */
const MOST = 100;

/** Has what OpenTelemetry says of itself told in a line each, from the level `OTEL_LOG_LEVEL` on (`warn` unless it is set). */
export function reportTroubleTo(report: (line: string) => void): void {
  const toldAt = new Map<string, number>();
  const tell = (message: string, ...details: unknown[]) => {
    const line = [inWords(message), ...details.map(String)].join(' ');
    if (performance.now() - (toldAt.get(line) ?? -Infinity) < AGAIN_AFTER_MS) return;
    if (toldAt.size >= MOST) toldAt.clear();
    toldAt.set(line, performance.now());
    report(line);
  };
  const logLevel = levelOf(process.env['OTEL_LOG_LEVEL']);
  diag.setLogger(
    { error: tell, warn: tell, info: tell, debug: tell, verbose: tell },
    { logLevel, suppressOverrideMessage: true },
  );
}

function levelOf(name = 'warn'): DiagLogLevel {
  const level = Object.entries(DiagLogLevel).find(([known]) => known === name.toUpperCase())?.[1];
  return typeof level === 'number' ? level : DiagLogLevel.WARN;
}

/** Errors come as JSON, with their stack. */
function inWords(message: string): string {
  try {
    return (JSON.parse(message) as { message?: string }).message ?? message;
  } catch {
    return message;
  }
}
