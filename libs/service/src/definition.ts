import 'reflect-metadata';
import { Inject, Module, type ModuleMetadata, type Provider, type Type } from '@nestjs/common';
import type { MigrationInterface } from 'typeorm';
import type { z } from 'zod';
import { REACTIONS } from '#libs/messaging';

export interface ServiceDefinition extends ModuleMetadata {
  /** Names the service everywhere: consumer group, topic, database, logs. */
  readonly name: string;
  readonly title: string;
  readonly port: number;
  readonly migrations?: readonly (new () => MigrationInterface)[];
  /** The service's own environment variables; `@Variables()` injects them parsed. */
  readonly variables?: z.ZodObject;
}

const DEFINITION = 'farandole:service';
const VARIABLES = Symbol('variables of the service');

/** A Nest module that is a whole service; `runService` runs it. */
export function Service({ name, title, port, migrations, variables, ...metadata }: ServiceDefinition): ClassDecorator {
  return (target) => {
    const { providers = [], controllers = [], ...rest } = metadata;
    // To Nest, what handles messages is a controller.
    const reactions = providers.filter(isReactions);
    Module({
      ...rest,
      controllers: [...controllers, ...reactions],
      providers: providers.filter((provider) => !isReactions(provider)),
    })(target);
    Reflect.defineMetadata(DEFINITION, { name, title, port, migrations, variables }, target);
  };
}

function isReactions(provider: Provider): provider is Type {
  return typeof provider === 'function' && Reflect.hasMetadata(REACTIONS, provider);
}

export function definitionOf(module: Type): ServiceDefinition {
  const definition = Reflect.getMetadata(DEFINITION, module) as ServiceDefinition | undefined;
  if (!definition) throw new TypeError(`${module.name} is no service; put @Service({ name, port, … }) on it`);
  return definition;
}

/** Injects the service's own variables, as its schema returned them. */
export const Variables = (): ParameterDecorator & PropertyDecorator => Inject(VARIABLES);

Variables.token = VARIABLES;
