/** What the service answers, per type. */
export interface Replayed {
  readonly type: string;
  readonly stored: number;
  readonly fresh: number;
  readonly handled: number;
  readonly tooOld: number;
  readonly setAside: number;
}

type Count = keyof Omit<Replayed, 'type'>;

/** A table by type, and what it means in a sentence or two. */
export function tell(service: string, types: readonly Replayed[], dryRun: boolean): string {
  if (types.length === 0) return `The store has nothing for ${service} from that time on.`;
  const sum = (count: Count) => types.reduce((total, of) => total + of[count], 0);
  const columns: readonly (readonly [string, Count])[] = [
    ['stored', 'stored'],
    [dryRun ? 'to be handed over' : 'handed over', 'fresh'],
    ['handled already', 'handled'],
    ...(sum('tooOld') > 0 ? [['too old', 'tooOld'] as const] : []),
    ...(sum('setAside') > 0 ? [['set aside', 'setAside'] as const] : []),
  ];
  const rows = [
    ['type', ...columns.map(([title]) => title)],
    ...types.map((of) => [of.type, ...columns.map(([, count]) => String(of[count]))]),
  ];
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const table = rows.map(([type = '', ...counts]) =>
    ['', type.padEnd(width(0)), ...counts.map((count, n) => count.padStart(width(n + 1)))].join('  '),
  );
  return [...table, '', ...sentences(service, sum, dryRun)].join('\n');
}

function sentences(service: string, sum: (count: Count) => number, dryRun: boolean): string[] {
  const [fresh, handled, tooOld, setAside] = [sum('fresh'), sum('handled'), sum('tooOld'), sum('setAside')];
  return [
    ...(fresh > 0
      ? [`${messages(fresh)} ${dryRun ? 'would be' : fresh === 1 ? 'was' : 'were'} handed to ${service}.`]
      : [`Nothing ${dryRun ? 'would be' : 'was'} handed over.`]),
    ...(handled > 0
      ? [
          `The inbox of ${service} knows ${messages(handled)} already: handed over again, they have no effect. ` +
            'To have all of them handled anew, feed a fresh consumer group: --as-new NAME.',
        ]
      : []),
    ...(tooOld > 0
      ? [
          `${messages(tooOld)} cannot be handed over: older than what the inbox remembers (INBOX_RETENTION_DAYS), ` +
            'so that nobody can tell whether they were handled.',
        ]
      : []),
    ...(setAside > 0 ? [`${messages(setAside)} cannot be read by ${service}: see its dead letters.`] : []),
  ];
}

export function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
