import type { ChildProcess } from 'node:child_process';

/** Resolves with what a forked process says next, to a question if there is one. Rejects when it ends before, or has ended. */
export function answerOf(child: ChildProcess, question?: object | string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      child.off('message', answered);
      reject(new Error(`a process of the bench ended (${child.signalCode ?? child.exitCode}) before it answered`));
    };
    const answered = (answer: unknown) => {
      child.off('exit', ended);
      resolve(answer);
    };
    if (child.exitCode !== null || child.signalCode !== null) return ended();
    child.once('exit', ended);
    child.once('message', answered);
    // Where it cannot be asked, it is about to end.
    if (question !== undefined) child.send(question, () => undefined);
  });
}
