// Reads a stream to its end, up to a size: a device or a pipe may have none.
import { CliError } from './error.ts';
import { fileBytesMax } from './yaml.ts';

/** The whole as text; throws `CliError` naming `what` as soon as it is too much. */
export async function readStream(
  stream: AsyncIterable<Uint8Array | string>,
  what: string,
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk);
    bytes += buffer.length;
    if (bytes > fileBytesMax) throw new CliError(`${what} is larger than 1 MiB.`);
    chunks.push(buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
