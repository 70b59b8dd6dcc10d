import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { MetadataScanner } from '@nestjs/core';
import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import type { EventType, MessageType } from '#libs/contracts';
import { REACTIONS, topicOf, type HandlerInfo, type ReactionsInfo, type Subscription } from '#libs/messaging';

/** One service's part of the choreography, as its reactions class declares it. */
export interface Part {
  readonly service: string;
  /** Stated on a request, following no message. */
  readonly states: readonly EventType[];
  readonly reactions: readonly Reaction[];
}

export interface Reaction {
  readonly reactsTo: MessageType;
  readonly emits: readonly MessageType[];
  readonly method: string;
}

/** Reads the metadata of a class marked by `@Reactions`, without an instance of it. */
export function partOf(reactions: Type): Part {
  const info = Reflect.getMetadata(REACTIONS, reactions) as ReactionsInfo | undefined;
  if (!info) throw new TypeError(`${reactions.name} is not marked by @Reactions({ service })`);
  const prototype = reactions.prototype as Record<string, object>;
  return {
    service: info.service,
    states: info.states ?? [],
    reactions: new MetadataScanner().getAllMethodNames(prototype).flatMap((method) => {
      const found = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, prototype[method]!) as HandlerInfo | undefined;
      return found ? [{ reactsTo: found.reactsTo, emits: found.emits, method }] : [];
    }),
  };
}

/** What each service subscribes to; commands never travel. */
export function topologyOf(parts: readonly Part[]): readonly Subscription[] {
  return parts.map(({ service, reactions }) => ({
    service,
    sources: reactions.flatMap(({ reactsTo: of }) =>
      of.kind === 'event' ? [{ topic: topicOf(of), type: of.type }] : [],
    ),
  }));
}
