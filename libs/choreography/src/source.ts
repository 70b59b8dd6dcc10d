import { topologyOf, type Part } from './part.js';

/** TypeScript of `libs/contracts/src/choreography.ts`. */
export function choreographySourceOf(parts: readonly Part[]): string {
  return `// Written from the services' reactions by \`npm run choreography\`; do not edit.

/** Which service reacts to which events: known to every service, so that whoever starts first sets up all queues. */
export const choreography: readonly {
  readonly service: string;
  readonly sources: readonly { readonly topic: string; readonly type: string }[];
}[] = ${JSON.stringify(topologyOf(parts))};
`;
}
