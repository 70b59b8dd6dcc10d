import pretty from 'pino-pretty';

export function pinoPretty(): NodeJS.WritableStream {
  return pretty({
    messageKey: 'message',
    ignore: 'pid,hostname,service,event,span_id,message_id,correlation_id,context,batch',
    messageFormat: '{service}: {message}',
    singleLine: true,
    translateTime: 'HH:MM:ss.l',
  });
}
