import { promisify } from 'node:util';
import { gzip, gzipSync, unzip, unzipSync } from 'node:zlib';
import kafkajs, { CompressionTypes } from 'kafkajs';

const gzipElsewhere = promisify(gzip);
const unzipElsewhere = promisify(unzip);

/** Up to so many bytes, the way to another thread and back costs more CPU than the work does, a fraction of a millisecond. */
const SMALL = { packing: 64 * 1_024, unpacking: 16 * 1_024 };

/** Has kafkajs pack and unpack small batches right away; its own codec leaves all of them to other threads. */
export function gzipSmallBatchesAtOnce(): void {
  kafkajs.CompressionCodecs[CompressionTypes.GZIP] = () => codec;
}

/** What kafkajs asks of one. */
export const codec = {
  async compress({ buffer }: { readonly buffer: Buffer }): Promise<Buffer> {
    return buffer.length <= SMALL.packing ? gzipSync(buffer) : gzipElsewhere(buffer);
  },
  async decompress(buffer: Buffer): Promise<Buffer> {
    return buffer.length <= SMALL.unpacking ? unzipSync(buffer) : unzipElsewhere(buffer);
  },
};
