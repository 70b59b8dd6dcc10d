export { apps, defaultPorts, isApp, services, type AppName, type ServiceName } from './apps.js';
export type { AppOptions } from './plan.js';
export type { AppProcess } from './app-process.js';
export * from './errors.js';
export { developmentToken } from './ops-token.js';
export { startPlatform, type Platform, type PlatformOptions } from './platform.js';
