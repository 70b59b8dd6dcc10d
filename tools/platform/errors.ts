/** The platform cannot be started as asked for; the message is for the person at the terminal, and nothing is left running. */
export class PlatformError extends Error {
  override readonly name: string = 'PlatformError';
}

export class AppPortInUse extends PlatformError {
  constructor(label: string, port: number, option = '--port') {
    super(`port ${port} (for ${label}) is in use by another program; stop that one, or choose others with ${option}`);
  }
}

export class PortTakenTwice extends PlatformError {
  constructor(app: string, port: number) {
    super(`port ${port} would be both that of ${app} and PostgreSQL's; choose another with --port or --postgres-port`);
  }
}

export class FolderInUse extends PlatformError {
  constructor(folder: string, pid: number) {
    super(`${folder} is in use by another npm start (process ${pid}); stop that one, or choose another with --data`);
  }
}

/** An app ended, or was not ready in time, while it was started. */
export class AppFailed extends PlatformError {
  override readonly name = 'AppFailed';
  constructor(
    readonly app: string,
    what: string,
    said: string,
  ) {
    super(said.includes('\n') || said === '' ? `${app} ${what}${said && `:\n${said}`}` : `${app} ${what}: ${said}`);
  }
}

export class Interrupted extends PlatformError {
  constructor() {
    super('stopped while starting');
  }
}
