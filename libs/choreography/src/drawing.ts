import * as contracts from '#libs/contracts';
import type { MessageType } from '#libs/contracts';
import { allStatedBy } from './faults.js';
import type { Part, Reaction } from './part.js';

/** The choreography as Markdown: a Mermaid flowchart and the table of all reactions. */
export function drawingOf(parts: readonly Part[]): string {
  return [
    '<!-- Drawn from the code by `npm run choreography`; do not edit. -->',
    '# Choreography',
    'Rounded: an event, published to whoever cares. Slanted: a command, which a service gives itself. Boxes: what a service does.',
    ['```mermaid', ...flowchart(parts), '```'].join('\n'),
    [
      '| service | on | does | states or gives itself |',
      '| --- | --- | --- | --- |',
      ...parts.flatMap((part) => [
        ...requested(part),
        ...part.reactions.map((reaction) => row(part.service, reaction)),
      ]),
    ].join('\n'),
    '',
  ].join('\n\n');
}

function flowchart(parts: readonly Part[]): readonly string[] {
  const messages = new Set(parts.flatMap((part) => [...allStatedBy(part), ...part.reactions.map((r) => r.reactsTo)]));
  const boxes = parts.map((part) => ({ service: part.service, boxes: boxesOf(part) }));
  return [
    'flowchart LR',
    ...[...messages].map((message) => `  ${nodeOf(message)}`),
    ...boxes.flatMap(({ service, boxes: own }) => [
      `  subgraph ${service}`,
      ...own.map(({ id, label }) => `    ${id}["${label}"]`),
      '  end',
    ]),
    ...boxes.flatMap(({ boxes: own }) =>
      own.flatMap(({ id, on, emits }) => [
        ...on.map((message) => `  ${nameOf(message)} --> ${id}`),
        ...emits.map((message) => `  ${id} --> ${nameOf(message)}`),
      ]),
    ),
  ];
}

interface Box {
  readonly id: string;
  readonly label: string;
  readonly on: readonly MessageType[];
  readonly emits: readonly MessageType[];
}

/** Reactions with the same outcome share a box, or nine arrows would leave `order` towards each of its two ends. */
function boxesOf({ service, states, reactions }: Part): readonly Box[] {
  const byOutcome = Map.groupBy(reactions, ({ emits }) => emits.map(nameOf).toSorted().join());
  const boxes = [...byOutcome.values()].map((same, index) => ({
    id: `${service}_${index + 1}`,
    label: same.map(({ method }) => method).join('<br/>'),
    on: same.map(({ reactsTo }) => reactsTo),
    emits: same[0]!.emits,
  }));
  return states.length === 0 ? boxes : [{ id: `${service}_0`, label: 'a request', on: [], emits: states }, ...boxes];
}

function nodeOf(message: MessageType): string {
  const name = nameOf(message);
  return message.kind === 'event' ? `${name}(["${name}"])` : `${name}[/"${name}"/]`;
}

function requested({ service, states }: Part): readonly string[] {
  return states.length === 0 ? [] : [`| ${service} | a request | – | ${states.map(cell).join(' or ')} |`];
}

function row(service: string, { reactsTo, emits, method }: Reaction): string {
  return `| ${service} | ${cell(reactsTo)} | \`${method}\` | ${emits.map(cell).join(' or ') || '–'} |`;
}

function cell(message: MessageType): string {
  return message.kind === 'event' ? nameOf(message) : `${nameOf(message)} (command)`;
}

const names = new Map(Object.entries(contracts).map(([name, value]) => [value as unknown, name]));

/** The name in code, which is the name in the diagram; the type on the wire for a message that the contracts do not hold. */
function nameOf(message: MessageType): string {
  return names.get(message) ?? message.type;
}
