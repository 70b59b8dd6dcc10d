import 'reflect-metadata';
import { Inject, type Provider, type Type } from '@nestjs/common';
import type { MigrationInterface } from 'typeorm';
import type { z } from 'zod';
import { REACTIONS, type ReactionsInfo } from '#libs/messaging';

export interface ServiceDefinition {
  /** Names the service everywhere: consumer group, topic, database, logs. */
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly migrations?: readonly (new () => MigrationInterface)[];
  /** The service's own environment variables; `@Variables()` injects them parsed. */
  readonly variables?: z.ZodObject;
  /**
   * Whether each handler reads and writes nothing but what belongs to the key of its message, and has no savepoints by SQL. Those of different keys then take
   * turns at each statement within the transaction that they share, instead of one after the other: fewer ways to the database and back.
   */
  readonly perKey?: boolean;
  /** For a service that no other waits for: how long what is delivered may wait for more, so that transactions are fewer and larger, where `BATCH_LINGER_MS` is not set. Milliseconds; 0 without it. */
  readonly lingerMs?: number;
  /** For a service where much begins at a time: while it piles up, what the service states is published on a beat, of 40 ms (60 on RabbitMQ, 80 on Kafka) where `PUBLISH_BEAT_MS` is not set. */
  readonly onBeat?: boolean;
}

const DEFINITION = 'farandole:service';
const VARIABLES = Symbol('variables of the service');

/** Makes a Nest module (`@Module`) a whole service; `runService` runs it. */
export function Service(definition: ServiceDefinition): ClassDecorator {
  return (target) => Reflect.defineMetadata(DEFINITION, definition, target);
}

/** @throws TypeError when it is no service, or when its reactions would hear nothing or are another's */
export function definitionOf(module: Type): ServiceDefinition {
  const definition = Reflect.getMetadata(DEFINITION, module) as ServiceDefinition | undefined;
  if (!definition) throw new TypeError(`${module.name} is no service; put @Service({ name, port, … }) on it`);
  const [deaf] = reactionsAmong('providers', module);
  // To Nest, what handles messages is a controller.
  if (deaf) throw new TypeError(`${deaf.name} hears nothing as a provider; list it in controllers of ${module.name}`);
  for (const reactions of reactionsAmong('controllers', module)) {
    const { service } = Reflect.getMetadata(REACTIONS, reactions) as ReactionsInfo;
    if (service !== definition.name)
      throw new TypeError(`${reactions.name} says ${service}, its module is ${definition.name}: name both alike`);
  }
  return definition;
}

function reactionsAmong(list: 'providers' | 'controllers', module: Type): Type[] {
  const listed = (Reflect.getMetadata(list, module) ?? []) as readonly Provider[];
  return listed.filter((one): one is Type => typeof one === 'function' && Reflect.hasMetadata(REACTIONS, one));
}

/** Injects the service's own variables, as its schema returned them. */
export const Variables = (): ParameterDecorator & PropertyDecorator => Inject(VARIABLES);

Variables.token = VARIABLES;
