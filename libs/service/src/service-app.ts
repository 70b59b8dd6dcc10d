import type { Server } from 'node:http';
import net from 'node:net';
import { finished } from 'node:stream/promises';
import fastifyRateLimit from '@fastify/rate-limit';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance } from 'fastify';
import { DataSource, EntityManager } from 'typeorm';
import { isDatabaseDown } from '#libs/inbox';
import { ReactionsServer, systemOf, type Transport } from '#libs/messaging';
import { Outbox, Transactions } from '#libs/outbox';
import { httpSpans, type Metrics } from '#libs/tracing';
import { Breakers } from './breakers.js';
import { openDatabase } from './database.js';
import { DeadLettersController } from './dead-letters.controller.js';
import { DeadLetterReplaysController } from './dead-letters-replays.controller.js';
import { definitionOf, Variables, type ServiceDefinition } from './definition.js';
import { observeGauges } from './gauges.js';
import { HealthController } from './health.js';
import { nestLog, type Log } from './log.js';
import { MessagesController } from './messages.controller.js';
import { Messaging } from './messaging.js';
import { MetricsController } from './metrics.controller.js';
import { OpsController } from './ops.js';
import { BODY_LIMIT, Problem, ProblemFilter, routerProblem, SchemaPipe } from './problem.js';
import { ReplayController } from './replay.controller.js';
import type { Settings } from './settings.js';
import { LOG, MESSAGING, METRICS, SETTINGS, TRANSPORT } from './tokens.js';

export interface ServiceApp {
  readonly app: NestFastifyApplication;
  readonly messaging: Messaging;
  /** Stops in order: requests, deliveries, due work, relay, store, database. */
  close(): Promise<void>;
}

interface Parts {
  readonly settings: Settings;
  readonly variables: unknown;
  readonly log: Log;
  readonly transport: Transport;
  readonly metrics: Metrics;
  /** Neither publishes nor subscribes: a test feeds it and reads its outbox. */
  readonly isolated?: boolean;
}

class RuntimeModule {}

/** The whole service, connected and listening to nothing yet. */
export async function createServiceApp(
  module: Type,
  { settings, variables, log, transport, metrics, isolated = false }: Parts,
): Promise<ServiceApp> {
  const definition = definitionOf(module);
  const database = await openDatabase(settings, definition.migrations ?? [], log);
  const outbox = new Outbox(systemOf(transport.name));
  const { perKey = false } = definition;
  const messaging = new Messaging({ settings, database, outbox, transport, log, isolated, perKey });
  observeGauges({ settings, database, transport, isReady: () => messaging.ready, types: () => messaging.types });
  const runtime: DynamicModule = {
    module: RuntimeModule,
    global: true,
    controllers: [
      HealthController,
      MessagesController,
      MetricsController,
      OpsController,
      ReplayController,
      DeadLetterReplaysController,
      DeadLettersController,
    ],
    providers: [
      { provide: DataSource, useValue: database },
      { provide: EntityManager, useValue: database.manager },
      { provide: Transactions, useValue: new Transactions(database, outbox) },
      { provide: Variables.token, useValue: variables },
      { provide: Breakers, useValue: new Breakers(settings, log) },
      { provide: SETTINGS, useValue: settings },
      { provide: LOG, useValue: log },
      { provide: TRANSPORT, useValue: transport },
      { provide: MESSAGING, useValue: messaging },
      { provide: METRICS, useValue: metrics },
    ],
    exports: [Breakers, DataSource, EntityManager, Transactions, Variables.token, SETTINGS, LOG],
    imports: [module],
  };
  const app = await createHttp(runtime, settings, log);
  describeApi(app, definition);
  const strategy = new ReactionsServer(messaging);
  app.connectMicroservice({ strategy });
  await app.startAllMicroservices();
  return {
    app,
    messaging,
    async close() {
      app.get(HealthController).leave();
      await closeApp(app, settings.SHUTDOWN_TIMEOUT_MS / 2);
      await messaging.drain();
      await database.destroy();
    },
  };
}

/** Requests under way are answered, for so long. */
async function closeApp(app: NestFastifyApplication, patienceMs: number): Promise<void> {
  const server: Server = app.getHttpServer();
  const cut = setTimeout(() => server.closeAllConnections(), patienceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/** Has a server that closes refuse newcomers at once, and send its answers whole, the last one of each connection; Node alone takes a connection for idle while its answer is being sent. */
function endWithAnswers(fastify: Pick<FastifyInstance, 'addHook' | 'server'>): void {
  const underWay = new Set<Promise<void>>();
  let closing = false;
  fastify.addHook('onSend', (_request, reply, _payload, done) => {
    if (closing) void reply.header('connection', 'close');
    const sent = finished(reply.raw)
      .catch(() => undefined)
      .finally(() => underWay.delete(sent));
    underWay.add(sent);
    done();
  });
  fastify.addHook('preClose', async () => {
    closing = true;
    // Without what the server's own does besides: it ends connections that it takes for idle.
    net.Server.prototype.close.call(fastify.server);
    while (underWay.size > 0) await Promise.all(underWay);
  });
}

async function createHttp(module: DynamicModule, settings: Settings, log: Log): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    trustProxy: false,
    forceCloseConnections: 'idle',
    // It counts for `preClose` as well, and a stop has a limit of its own.
    pluginTimeout: 0,
    frameworkErrors: routerProblem,
  });
  httpSpans(adapter.getInstance());
  endWithAnswers(adapter.getInstance());
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    logger: nestLog(log),
    bodyParser: false,
    abortOnError: false,
  });
  // JSON only: Fastify reads plain text by itself, and Nest forms as well.
  adapter.getInstance().removeContentTypeParser('text/plain');
  app.useBodyParser('application/json', { bodyLimit: BODY_LIMIT });
  if (settings.RATE_LIMIT_PER_MINUTE !== undefined) {
    await app.register(fastifyRateLimit, {
      max: settings.RATE_LIMIT_PER_MINUTE,
      timeWindow: '1 minute',
      allowList: (request: { url: string }) => /^\/(health|metrics)/.test(request.url),
      errorResponseBuilder: (_: unknown, { ttl }: { ttl: number }) =>
        new Problem({
          status: 429,
          type: 'too-many-requests',
          title: 'Too many requests from this address',
          retryAfter: Math.ceil(ttl / 1000),
        }),
    });
  }
  app.useGlobalPipes(new SchemaPipe());
  app.useGlobalFilters(new ProblemFilter(log, isDatabaseDown));
  return app;
}

function describeApi(app: NestFastifyApplication, { title, name }: ServiceDefinition): void {
  const config = new DocumentBuilder()
    .setTitle(`Farandole · ${title}`)
    .setDescription(`HTTP API of the ${name} service`)
    .setVersion('1')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config));
}
