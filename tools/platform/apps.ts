import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const services = ['order', 'inventory', 'payment', 'shipping', 'notification'] as const;
export type ServiceName = (typeof services)[number];

export const apps = ['payment-provider', ...services] as const;
export type AppName = (typeof apps)[number];

/** The port of each app, counted from the first one (3001 by default). */
export const portOffset = {
  order: 0,
  inventory: 1,
  payment: 2,
  shipping: 3,
  notification: 4,
  'payment-provider': 9,
} as const satisfies Record<AppName, number>;

export const defaultPorts = { first: 3001, postgres: 54329 } as const;

export function isApp(name: string): name is AppName {
  return (apps as readonly string[]).includes(name);
}

export function isService(name: AppName): name is ServiceName {
  return name !== 'payment-provider';
}

/** The nearest folder above this file with a package.json: from sources and from dist it is the same. */
export const repositoryRoot = (function rootOf(folder: string): string {
  return existsSync(join(folder, 'package.json')) || dirname(folder) === folder ? folder : rootOf(dirname(folder));
})(dirname(fileURLToPath(import.meta.url)));

/** The built program of an app. */
export function builtEntry(app: AppName): string {
  return join(repositoryRoot, 'dist', 'apps', app, 'src', 'main.js');
}
