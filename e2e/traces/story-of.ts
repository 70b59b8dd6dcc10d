import type { Told } from '../../tools/story/tree.js';

/** Every message of a story, `type · service`, by the alphabet. */
export function messagesOf(told: readonly Told[]): string[] {
  const all = (one: Told): string[] => [`${one.type} · ${one.service}`, ...one.followedBy.flatMap(all)];
  return told.flatMap(all).toSorted();
}

/** The same of a trace's lines: events where they are created, commands where they are done. */
export function messagesIn(lines: readonly string[]): string[] {
  return lines
    .flatMap((line) => /^ *(?:create (.*)|process (\S+\.(?:charge|refund|send-email) .*))$/.exec(line)?.slice(1) ?? [])
    .filter((message) => message !== undefined)
    .toSorted();
}
