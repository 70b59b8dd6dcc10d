import 'reflect-metadata';
import { ConsoleLogger, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { HealthController } from './health.controller.js';
import { Ledger } from './ledger.js';
import { PaymentsController } from './payments.controller.js';
import { SETTINGS, type Settings } from './settings.js';
import { SwitchBoard } from './switches.js';
import { SwitchesController } from './switches.controller.js';

class ProviderModule {}

/** The provider with its ledger read, listening to nothing yet; closing it closes the ledger. */
export async function createProvider(settings: Settings): Promise<NestFastifyApplication> {
  const ledger = Ledger.open(settings.LEDGER_FILE);
  const module: DynamicModule = {
    module: ProviderModule,
    controllers: [PaymentsController, SwitchesController, HealthController],
    providers: [
      { provide: SETTINGS, useValue: settings },
      { provide: Ledger, useValue: Object.assign(ledger, { onApplicationShutdown: () => ledger.close() }) },
      SwitchBoard,
    ],
  };
  const app = await NestFactory.create<NestFastifyApplication>(
    module,
    new FastifyAdapter({ bodyLimit: 64 * 1024, forceCloseConnections: true }),
    {
      logger: new ConsoleLogger({ json: !process.stdout.isTTY, logLevels: ['warn', 'error', 'fatal'] }),
      abortOnError: false,
    },
  );
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  const config = new DocumentBuilder().setTitle('Farandole · Payment provider').setVersion('1').build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, config));
  return app;
}
