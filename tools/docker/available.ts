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
  leaveOut(title, reason, 'no Docker', define);
}

/**
 * A `describe` that needs no Docker and takes long. It runs where everything does: with Docker, under `CI=true`, or with
 * `AT_LENGTH=true`. Elsewhere it is left out with a line that says so, so that a first `npm test` is over in a few minutes.
 */
export async function describeAtLength(title: string, define: () => void): Promise<void> {
  const { CI, AT_LENGTH } = process.env;
  if (CI === 'true' || AT_LENGTH === 'true' || (await dockerAvailable())) describe(title, define);
  else
    leaveOut(
      title,
      `"${title}" takes long, so it did not run; it does with AT_LENGTH=true, and with Docker`,
      'long',
      define,
    );
}

function leaveOut(title: string, reason: string, mark: string, define: () => void): void {
  console.warn(`SKIPPED: ${reason}.`);
  // oxlint-disable-next-line vitest/no-disabled-tests -- the reason is printed, and told again at the end of npm test
  describe.skip(`${title} (left out: ${mark})`, define);
}
