/* A process that takes spans by OTLP (protobuf over HTTP), counts them and throws them away. It sends its address, and the number of spans whenever it is asked. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** Where spans lie in an ExportTraceServiceRequest: resource_spans = 1, scope_spans = 2, spans = 2. */
const PATH = [1, 2, 2];
const [VARINT, I64, LEN, I32] = [0, 1, 2, 5];

let spans = 0;
const server = createServer((request, response) => {
  void buffer(request).then((body) => {
    spans += countIn(body, PATH);
    response.setHeader('content-type', 'application/x-protobuf').end();
  });
}).listen(0, '127.0.0.1');
await once(server, 'listening');
process.on('message', () => process.send?.(spans));
process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

/** Messages at the end of the path of field numbers. */
function countIn(bytes: Buffer, [field, ...rest]: readonly number[]): number {
  let count = 0;
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === VARINT) varint();
    else if (type === I64) at += 8;
    else if (type === I32) at += 4;
    else if (type === LEN) {
      const length = varint();
      if ((tag - type) / 8 === field) count += rest.length === 0 ? 1 : countIn(bytes.subarray(at, at + length), rest);
      at += length;
    } else throw new Error(`wire type ${type} is none of protobuf's`);
  }
  return count;
}
