import { describe } from 'vitest';
import { dockerAvailable } from './engine.js';

/**
 * A `describe` that needs Docker. Without it the block is skipped with a line that says so, but under `CI=true` it
 * fails: there, nothing may be left out unseen. Await it at the top level of the spec file.
 */
export async function describeWithDocker(title: string, define: () => void): Promise<void> {
  if (await dockerAvailable()) {
    describe(title, define);
    return;
  }
  const reason = `Docker is not available, so "${title}" did not run; start Docker and run it again`;
  if (process.env['CI'] === 'true') {
    describe(title, (it) => {
      it('finds Docker', () => {
        throw new Error(`${reason} (CI=true: everything has to run)`);
      });
    });
    return;
  }
  console.warn(`SKIPPED: ${reason}.`);
  // oxlint-disable-next-line vitest/no-disabled-tests -- the reason is printed, and told again at the end of npm test
  describe.skip(`${title} (left out: no Docker)`, define);
}
