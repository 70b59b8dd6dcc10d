/* Given to a service by NODE_OPTIONS=--import: its clock is off by CLOCK_OFF_MS. Timers run as ever. */
const offMs = Number(process.env['CLOCK_OFF_MS']);
const RealDate = Date;
const now = () => RealDate.now() + offMs;

globalThis.Date = new Proxy(RealDate, {
  apply: () => new RealDate(now()).toString(),
  construct: (target, args: [], newTarget: typeof Date) =>
    Reflect.construct(
      target,
      args.length === 0 ? [now()] : args,
      newTarget === globalThis.Date ? RealDate : newTarget,
    ) as Date,
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});
