export const SETTINGS = Symbol('settings');
export const TRANSPORT = Symbol('transport');
export const MESSAGING = Symbol('messaging');
export const METRICS = Symbol('metrics');
