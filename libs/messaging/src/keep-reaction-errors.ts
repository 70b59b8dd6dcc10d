import { Catch, type RpcExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';

/** Lets a reaction's own error through: Nest would replace it by a generic one, and with it go its retry and park. */
@Catch()
export class KeepReactionErrors implements RpcExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}
