// Loaded into each app before its own code (`node --import`): it ends by itself, in order, when whoever started it is gone.
const patienceMs = 12_000;

function leave(): void {
  setTimeout(() => process.exit(1), patienceMs).unref();
  if (process.listenerCount('SIGTERM') > 0) process.emit('SIGTERM');
  else process.exit(1);
}

if (process.channel) {
  process.once('disconnect', leave);
  // Windows has no SIGTERM: there, the launcher sends this
  process.on('message', (message) => message === 'farandole:stop' && leave());
  process.channel.unref();
}
