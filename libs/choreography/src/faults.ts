import type { MessageType } from '#libs/contracts';
import { patternOf } from '#libs/messaging';
import type { Part, Reaction } from './part.js';

/** What cannot work about the parts together, a sentence each; empty where all fits. */
export function faultsOf(parts: readonly Part[]): readonly string[] {
  const stated = new Set(parts.flatMap(allStatedBy).map(patternOf));
  return [...repeated(parts.map((part) => part.service))]
    .map((service) => `two classes are marked as the reactions of ${service}: merge them`)
    .concat(
      parts.flatMap((part) => [...reactedTwice(part), ...unheard(part, stated), ...foreign(part), ...undone(part)]),
    );
}

/** All that a service states or gives itself. */
export function allStatedBy(part: Part): readonly MessageType[] {
  return [...part.states, ...part.reactions.flatMap((reaction) => reaction.emits)];
}

function reactedTwice({ service, reactions }: Part): string[] {
  return [...repeated(reactions.map(({ reactsTo }) => patternOf(reactsTo)))].map((pattern) => {
    const methods = reactions.filter(({ reactsTo }) => patternOf(reactsTo) === pattern).map(({ method }) => method);
    return `${service} reacts ${methods.length} times to ${pattern} (${methods.join(', ')}): merge them`;
  });
}

function unheard({ service, reactions }: Part, stated: ReadonlySet<string>): string[] {
  const nobodyStates = ({ reactsTo: of }: Reaction) => of.kind === 'event' && !stated.has(patternOf(of));
  return reactions
    .filter(nobodyStates)
    .map(({ reactsTo, method }) => `${service}.${method} reacts to ${reactsTo.type}, which nobody states`);
}

function foreign(part: Part): string[] {
  return unique(allStatedBy(part)).flatMap((of) =>
    of.kind === 'event' && of.source !== part.service
      ? [`${part.service} states ${of.type}, which belongs to ${of.source}`]
      : [],
  );
}

function undone(part: Part): string[] {
  const given = commandsIn(allStatedBy(part));
  const done = commandsIn(part.reactions.map((reaction) => reaction.reactsTo));
  return [
    ...[...given]
      .filter((type) => !done.has(type))
      .map((type) => `${part.service} gives itself ${type} and does not do it`),
    ...[...done]
      .filter((type) => !given.has(type))
      .map((type) => `${part.service} does ${type} and never gives it to itself`),
  ];
}

function commandsIn(messages: readonly MessageType[]): ReadonlySet<string> {
  return new Set(messages.flatMap((of) => (of.kind === 'command' ? [of.type] : [])));
}

function repeated(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
