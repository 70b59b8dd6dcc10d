import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answerOf } from './answer.js';

function started(code: string): ChildProcess {
  const child = fork('nothing', { execArgv: ['--eval', code] });
  onTestFinished(() => void child.kill());
  return child;
}

describe('answerOf', () => {
  it('resolves with what the process says, and then with what it is asked for, and listens no more', async () => {
    const child = started(`process.on('message', (n) => process.send(n + '!')); process.send('ready')`);
    const listeners = () => [child.listenerCount('exit'), child.listenerCount('message')];
    const before = listeners();
    expect(await answerOf(child)).toBe('ready');
    expect(await answerOf(child, 'one')).toBe('one!');
    expect(listeners()).toEqual(before);
  });

  it('rejects when the process ends before it answers, and when it has ended', async () => {
    const child = started('process.exit(3)');
    await expect(answerOf(child)).rejects.toThrow('ended (3) before it answered');
    await expect(answerOf(child, 'one')).rejects.toThrow('ended (3) before it answered');
  });

  it('rejects when the process is killed over the question', async () => {
    const child = started(`process.on('message', () => process.kill(process.pid, 'SIGKILL')); process.send('ready')`);
    await once(child, 'message');
    await expect(answerOf(child, 'one')).rejects.toThrow('ended (SIGKILL) before it answered');
  });
});
