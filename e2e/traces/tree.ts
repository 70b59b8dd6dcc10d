import type { Span } from './span.js';

interface Node {
  readonly span: Span;
  readonly children: Node[];
}

/**
 * Facts of two services come in any order, and whoever hears the last of those it needs goes on: what follows may then hang below
 * either. Here it hangs below the one that is usually last.
 */
const EITHER: readonly { readonly child: string; readonly below: string; readonly usually: string }[] = [
  {
    child: 'process payment.charge · payment',
    below: 'process order.placed · payment',
    usually: 'process inventory.reserved · payment',
  },
  ...['create shipment.created · shipping', 'create shipment.rejected · shipping'].map((child) => ({
    child,
    below: 'process order.placed · shipping',
    usually: 'process payment.charged · shipping',
  })),
];

/**
 * A trace as indented lines, `name · service`, what follows from the same span by the alphabet: comparable, whatever was first.
 * A span whose parent is not there is a root, so that an orphan shows.
 */
export function treeOf(spans: readonly Span[]): string[] {
  const nodes = new Map<string, Node>(spans.map((span) => [span.spanId, { span, children: [] }]));
  const roots: Node[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(node.span.parentSpanId ?? '');
    (parent ? usualParent(node, parent, nodes) : { children: roots }).children.push(node);
  }
  return inOrder(roots).flatMap((root) => linesOf(root, ''));
}

/**
 * As if no message had come twice, which a stalled machine is enough for, and the inbox expects: a reader hands out again what it could not
 * commit, and who gets no confirmation in time publishes again. Of two `publish` of a message a confirmed one counts.
 */
export function withoutRepeats(spans: readonly Span[]): Span[] {
  const published = new Map<unknown, Span>();
  for (const span of spans.filter(isPublish)) {
    const id = span.attributes['messaging.message.id'];
    if (published.get(id)?.failed ?? true) published.set(id, span);
  }
  const counted = new Set(published.values());
  return spans.filter((span) => (isPublish(span) ? counted.has(span) : !span.attributes['farandole.duplicate']));
}

function isPublish({ name }: Span): boolean {
  return name.startsWith('publish ');
}

function usualParent(node: Node, parent: Node, nodes: ReadonlyMap<string, Node>): Node {
  const either = EITHER.find(({ child, below }) => child === nameOf(node) && below === nameOf(parent));
  return (either && [...nodes.values()].find((other) => nameOf(other) === either.usually)) ?? parent;
}

function linesOf(node: Node, indent: string): string[] {
  return [indent + nameOf(node), ...inOrder(node.children).flatMap((child) => linesOf(child, `${indent}  `))];
}

function inOrder(nodes: readonly Node[]): Node[] {
  const text = (node: Node) => linesOf(node, '').join('\n');
  return nodes.toSorted((one, other) => (text(one) < text(other) ? -1 : 1));
}

function nameOf({ span: { name, service } }: Node): string {
  return `${name} · ${service}`;
}
