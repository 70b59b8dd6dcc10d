export { Service, Variables } from './definition.js';
export { Problem, type FieldError, type ProblemDetails } from './problem.js';
export { runService } from './run-service.js';
