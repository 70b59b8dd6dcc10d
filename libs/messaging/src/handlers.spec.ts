import { Controller } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Transport } from '@nestjs/microservices';
import { expect, it } from 'vitest';
import { OrderPlaced } from '#libs/contracts';
import { On, Reactions } from './reactions.js';
import { ReactionsServer } from './server.js';

@Reactions({ service: 'inventory' })
class Inventory {
  @On(OrderPlaced)
  reserve() {}
}

@Controller()
class Unserved {
  @EventPattern<string>('user.created')
  greet() {}
}

@Controller()
class OfAnotherServer {
  @EventPattern<string>('user.created', Transport.TCP)
  greet() {}
}

async function typesServedBeside(other: new () => object): Promise<readonly string[]> {
  const types: string[] = [];
  const start = async (handlers: { types: readonly string[] }) => void types.push(...handlers.types);
  const app = await NestFactory.createMicroservice(
    { module: class {}, controllers: [Inventory, other] },
    { strategy: new ReactionsServer({ start, stop: async () => {} }), logger: false },
  );
  try {
    await app.listen();
    return types;
  } finally {
    await app.close();
  }
}

it('names a handler that is neither a reaction nor does a command', async () => {
  await expect(typesServedBeside(Unserved)).rejects.toThrow(
    /^user\.created has a handler that is neither @On nor @Does/,
  );
});

it('leaves a handler for another server to that one', async () => {
  expect(await typesServedBeside(OfAnotherServer)).toEqual(['order.placed']);
});
