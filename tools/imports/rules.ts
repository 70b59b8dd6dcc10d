import type { IConfiguration, IRegularForbiddenRuleType } from 'dependency-cruiser';

/*
 * Imports go one way:  contracts ← messaging ← { rabbitmq, kafka, postgres, outbox ← inbox } ← service ← apps;  tracing knows none of them.
 * imports.spec.ts shows that each rule bites.
 */
const specs = String.raw`\.(spec|int-spec|e2e-spec)\.ts$|/testing/|/testing\.ts$`;

const forbid = (
  name: string,
  from: string,
  to: string,
  more: IRegularForbiddenRuleType['to'] = {},
): IRegularForbiddenRuleType => ({
  name,
  severity: 'error',
  from: { path: from, pathNot: specs },
  to: { path: to, ...more },
});

/** A library knows itself and those it names. */
const knows = (library: string, ...others: string[]) =>
  forbid(`${library}-knows-only-${others.join('-') || 'itself'}`, `^libs/${library}/`, '^libs/', {
    pathNot: `^libs/(${[library, ...others].join('|')})/`,
  });

export const rules = {
  forbidden: [
    knows('contracts'),
    knows('tracing'),
    knows('messaging', 'contracts'),
    knows('choreography', 'contracts', 'messaging'),
    ...['rabbitmq', 'kafka', 'postgres', 'outbox'].map((library) => knows(library, 'contracts', 'messaging')),
    knows('inbox', 'contracts', 'messaging', 'outbox'),
    forbid('libs-know-no-apps', '^libs/', '^(apps|e2e|bench|tools)/'),
    forbid('apps-know-no-tools', '^apps/', '^(e2e|bench|tools)/'),
    {
      name: 'apps-know-no-other-app',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: ['^apps/$1/', '^apps/payment-provider/'] },
    },
    // Specs may start the provider in their own process.
    forbid('apps-know-the-provider-by-http', '^apps/(?!payment-provider/)', '^apps/payment-provider/'),
    forbid('apps-name-no-broker', '^apps/', '^libs/(rabbitmq|kafka|postgres)/|node_modules/(amqplib|kafkajs)/'),
    {
      name: 'libs-are-entered-by-their-index',
      comment: 'import #libs/<lib> or #libs/<lib>/testing',
      severity: 'error',
      from: { path: '^(libs/[^/]+|apps|e2e|bench|tools)/' },
      to: { path: '^libs/', pathNot: [String.raw`^libs/[^/]+/(src|testing)/index\.ts$`, '^$1/'] },
    },
    forbid('nothing-that-runs-imports-tests', '^(apps|libs)/', specs, { dependencyTypesNot: ['type-only'] }),
    forbid('nothing-that-runs-imports-development-packages', '^(apps|libs)/', '^node_modules/', {
      dependencyTypes: ['npm-dev'],
      dependencyTypesNot: ['type-only'],
      pathNot: '^node_modules/@types/',
    }),
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'nothing-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      conditionNames: ['source', 'types', 'import', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.mts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
} satisfies IConfiguration;
