import { describeTransport, InMemoryStore, InMemoryTransport } from './index.js';

describeTransport('in-memory', {
  async start() {
    const store = new InMemoryStore();
    return {
      connect: async (options) => new InMemoryTransport(options, store),
      crash: async (transport) => (transport as InMemoryTransport).crash(),
      dispose: async () => {},
    };
  },
});
