import {
  Catch,
  HttpException,
  StandardSchemaValidationPipe,
  type ArgumentMetadata,
  type ArgumentsHost,
  type ExceptionFilter,
  type PipeTransform,
} from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { STATUS_CODES } from 'node:http';
import type { Log } from './log.js';

/** Bytes of a request's body, at most. */
export const BODY_LIMIT = 64 * 1024;

export interface FieldError {
  /** `lines[0].quantity`; empty for the whole body. */
  readonly field: string;
  readonly message: string;
}

export interface ProblemDetails {
  readonly status: number;
  /** Last part of the problem type's URI. */
  readonly type: string;
  readonly title: string;
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Seconds; becomes the header. */
  readonly retryAfter?: number;
}

/** An answer of RFC 9457, `application/problem+json`. */
export class Problem extends HttpException {
  constructor(readonly details: ProblemDetails) {
    super(details.title, details.status);
  }
}

interface Issue {
  readonly message: string;
  readonly path?: readonly unknown[] | undefined;
  /** zod's: which names are not known. */
  readonly keys?: readonly string[];
}

/** A schema did not accept what was sent; the paths of its issues begin in `parameter`, or in the body or query as a whole. */
export function invalidInput(issues: readonly Issue[], parameter?: string): Problem {
  const within = parameter === undefined ? [] : [parameter];
  return new Problem({
    status: 400,
    type: 'invalid-input',
    title: 'The request has fields that cannot be accepted',
    errors: issues.flatMap(({ path = [], message, keys }) =>
      keys
        ? keys.map((key) => ({ field: fieldOf([...path, key]), message: 'this field is not known here; see /docs' }))
        : [{ field: fieldOf([...within, ...path]), message }],
    ),
  });
}

function fieldOf(path: readonly unknown[]): string {
  return path
    .map((part) => (typeof part === 'object' && part !== null && 'key' in part ? part.key : part))
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`))
    .join('');
}

/** What the store was asked for did not come, for a reason that will pass. */
export function storeUnavailable(reason: unknown): Problem {
  return new Problem({
    status: 503,
    type: 'unavailable',
    title: 'The store cannot be read; try again',
    detail: reason instanceof Error ? reason.message : String(reason),
    retryAfter: 2,
  });
}

/** Checks what comes in by the schemas at the parameters of the handlers (`@Body({ schema })`, `@Param('orderId', { schema })`). */
export class SchemaPipe implements PipeTransform {
  transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const exceptionFactory = (issues: readonly Issue[]) => invalidInput(issues, metadata.data);
    return new StandardSchemaValidationPipe({ exceptionFactory }).transform(value, metadata);
  }
}

/** Turns whatever a request ended in into `application/problem+json`; what nobody foresaw is logged with its stack and told as a 500. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly log: Log,
    private readonly isUnavailable: (error: unknown) => boolean,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const details = this.detailsOf(error);
    if (details.status >= 500 && !(error instanceof Problem)) {
      this.log.error(
        { event: 'request_failed', method: request.method, path: request.url.split('?')[0], err: error },
        details.title,
      );
    }
    answer(reply, request, details);
  }

  private detailsOf(error: unknown): ProblemDetails {
    if (error instanceof Problem) return error.details;
    if (error instanceof HttpException) return plain(error.getStatus(), error.message);
    if (this.isUnavailable(error)) {
      return {
        status: 503,
        type: 'unavailable',
        title: 'The service cannot reach its database; try again',
        retryAfter: 2,
      };
    }
    const { statusCode, message } = error as { statusCode?: number; message?: string };
    if (statusCode !== undefined && statusCode < 500) return plain(statusCode, message ?? '');
    return plain(500, 'the service failed; the log tells more');
  }
}

/** Answers what Fastify's router refuses before Nest sees it: a path that cannot be decoded, or is too long. */
export function routerProblem(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  answer(reply, request, plain(error.statusCode ?? 400, error.message));
}

function answer(reply: FastifyReply, request: FastifyRequest, details: ProblemDetails): void {
  const { retryAfter, type, ...rest } = details;
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  const body = {
    type: type === 'about:blank' ? type : `urn:farandole:problem:${type}`,
    ...rest,
    instance: request.url.split('?')[0],
  };
  void reply.status(details.status).type('application/problem+json').send(JSON.stringify(body));
}

/** What to do about what Fastify refuses before a handler sees it, by status. */
const HINTS: Record<number, string | undefined> = {
  413: `the body is larger than ${BODY_LIMIT / 1024} KiB`,
  415: 'send the body as JSON, with the header Content-Type: application/json',
};

function plain(status: number, detail: string): ProblemDetails {
  return { status, type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', detail: HINTS[status] ?? detail };
}
