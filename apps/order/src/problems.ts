import { Problem } from '#libs/service';

export class UnknownSkus extends Problem {
  constructor(lines: readonly { at: number; sku: string }[]) {
    super({
      status: 422,
      type: 'unknown-sku',
      title: 'The order has products that are not sold',
      errors: lines.map(({ at, sku }) => ({
        field: `lines[${at}].sku`,
        message: `unknown sku "${sku}"; GET /products lists them`,
      })),
    });
  }
}

export class IdempotencyKeyReused extends Problem {
  constructor(key: string) {
    super({
      status: 422,
      type: 'idempotency-key-reused',
      title: 'This Idempotency-Key belongs to another request',
      detail: `"${key}" was sent before with another body; use a new key for a new order`,
      errors: [{ field: 'Idempotency-Key', message: 'was sent before with another body' }],
    });
  }
}

export class BadIdempotencyKey extends Problem {
  constructor() {
    const message = 'has to be 1 to 255 printable ASCII characters';
    super({
      status: 400,
      type: 'invalid-input',
      title: 'The request has fields that cannot be accepted',
      errors: [{ field: 'Idempotency-Key', message }],
    });
  }
}

export class UnknownOrder extends Problem {
  constructor(orderId: string) {
    super({ status: 404, type: 'unknown-order', title: 'No such order', detail: `there is no order ${orderId}` });
  }
}
