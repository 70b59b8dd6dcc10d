export const SETTINGS = Symbol('settings');
export const LOG = Symbol('log');
/** `StrainGauge[]`, of a service that has some of its own. */
export const STRAINS = Symbol('strains');
export const TRANSPORT = Symbol('transport');
export const MESSAGING = Symbol('messaging');
export const METRICS = Symbol('metrics');
