import { getContainerRuntimeClient } from 'testcontainers';

/** Whether containers can be started here. Asked once per process. */
export function dockerAvailable(): Promise<boolean> {
  asked ??= getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
  return asked;
}
let asked: Promise<boolean> | undefined;
