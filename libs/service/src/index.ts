export { Backpressure, type StrainGauge } from './backpressure.js';
export type { Breaker } from './breaker.js';
export { Breakers } from './breakers.js';
export { Service, Variables } from './definition.js';
export { OpsGuard } from './ops.js';
export { Problem, type FieldError, type ProblemDetails } from './problem.js';
export { runService } from './run-service.js';
export { STRAINS } from './tokens.js';
