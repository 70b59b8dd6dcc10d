import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import { publishAgain } from './duplicates.js';
import { armFailPoint } from './fail-points.js';
import { breakLink } from './links.js';
import { breakProcess } from './processes.js';
import { breakProvider } from './provider.js';
import { killStore } from './stores.js';
import type { Undo } from './undo.js';

/** Resolves once it is broken, with the way back. */
export function inflict(fault: Fault, arena: Arena): Promise<Undo> {
  switch (fault.kind) {
    case 'kill':
    case 'restart':
    case 'pause':
      return breakProcess(fault, arena);
    case 'fail-point':
      return armFailPoint(fault, arena);
    case 'kill-store':
      return killStore(fault, arena);
    case 'cut':
    case 'hang':
    case 'slow':
      return breakLink(fault, arena);
    case 'provider':
      return breakProvider(fault, arena);
    case 'duplicates':
      return publishAgain(fault, arena);
  }
}
