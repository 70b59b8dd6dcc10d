import { runProvider } from './run-provider.js';

await runProvider(process.env);
