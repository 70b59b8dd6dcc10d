import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { ChargePayment, DataOf, RefundPayment } from '#libs/contracts';
import { Hopeless } from '#libs/messaging';
import { Breakers, Variables, type Breaker } from '#libs/service';
import { tracedRequest, type HttpAnswer } from '#libs/tracing';
import type { PaymentVariables } from './variables.js';

/** What became of a charge. No answer is neither: it is thrown, and tried again with the same key. */
export type Answer =
  { readonly status: 'charged'; readonly chargeId: string } | { readonly status: 'declined'; readonly code: string };

type Charge = DataOf<typeof ChargePayment> & { readonly idempotencyKey: string };
type Refund = DataOf<typeof RefundPayment> & { readonly idempotencyKey: string };

const Charged = z.object({ chargeId: z.string().min(1) });
const Declined = z.object({ code: z.string().min(1) });
const Refunded = z.object({ refundId: z.string().min(1) });

/** The provider did not answer, or not in a way that settles it: the money may have moved or not. */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}

/** The payment provider over HTTP. Calls with one idempotency key take effect once, however often they are made; while it is down, none are. */
@Injectable()
export class Provider {
  private readonly breaker: Breaker;

  constructor(
    @Variables() private readonly variables: PaymentVariables,
    breakers: Breakers,
  ) {
    this.breaker = breakers.make('payment-provider', (error) => error instanceof ProviderUnavailable);
  }

  /** @throws ProviderUnavailable to be tried again; Postponed while it is down; Hopeless when the provider does not understand */
  charge({ orderId, amountCents, paymentToken, idempotencyKey }: Charge): Promise<Answer> {
    return this.breaker.run(async () => {
      const { status, body } = await this.post('charges', { orderId, amountCents, paymentToken }, idempotencyKey);
      return status === 402
        ? { status: 'declined', code: read(Declined, body).code }
        : { status: 'charged', chargeId: read(Charged, body).chargeId };
    });
  }

  /** Resolves with the refund's id. @throws as `charge` */
  refund({ chargeId, amountCents, idempotencyKey }: Refund): Promise<string> {
    return this.breaker.run(async () => {
      const { body } = await this.post('refunds', { chargeId, amountCents }, idempotencyKey);
      return read(Refunded, body).refundId;
    });
  }

  private async post(path: 'charges' | 'refunds', body: object, key: string): Promise<HttpAnswer> {
    const { PAYMENT_PROVIDER_URL: base, PAYMENT_TIMEOUT_MS: timeoutMs } = this.variables;
    let answer: HttpAnswer;
    try {
      answer = await tracedRequest(`${base.replace(/\/$/, '')}/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      throw new ProviderUnavailable(`POST /${path}: ${reasonOf(error, timeoutMs)}`, { cause: error });
    }
    const { status, location } = answer;
    if (status >= 300 && status < 400)
      throw new ProviderUnavailable(
        `POST /${path}: HTTP ${status} to ${withoutToken(location ?? 'nowhere', body)}; have PAYMENT_PROVIDER_URL say where the provider is`,
      );
    if (isTransient(status)) throw new ProviderUnavailable(`POST /${path}: HTTP ${status}`);
    const declined = status === 402 && path === 'charges';
    if (status >= 400 && !declined)
      throw new Hopeless(`POST /${path}: HTTP ${status}, ${withoutToken(answer.body, body)}`);
    return answer;
  }
}

/** What is thrown ends up in logs and dead letters, where no token may be. */
function withoutToken(text: string, { paymentToken }: { paymentToken?: string }): string {
  return (paymentToken ? text.replaceAll(paymentToken, '[token]') : text).slice(0, 200);
}

function isTransient(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, message, code } = error as NodeJS.ErrnoException;
  return name === 'TimeoutError' ? `no answer within ${timeoutMs} ms` : (code ?? message);
}

/** An answer that is not as agreed settles nothing; whoever stands between us and the provider may be better next time. */
function read<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new ProviderUnavailable('the provider answered something that cannot be read', { cause: error });
  }
}
