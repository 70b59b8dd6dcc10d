import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** Has a method of a class of kafkajs do what `make` makes of it, for every consumer and producer of this process. */
export function replaceMethod<Class, Name extends keyof Class>(
  module: string,
  name: Name,
  make: (original: Class[Name]) => (this: Class, ...args: never[]) => unknown,
): void {
  const { prototype } = require(`kafkajs/src/${module}`) as { prototype: Class };
  prototype[name] = make(prototype[name]) as Class[Name];
}
