// Reads a JSON body: right content type, at most 1 MiB, UTF-8, valid. Says nothing about what is in it.
import express from 'express';
import type { Request, RequestHandler, Response } from 'express';
import { AppError } from '../domain/error.ts';

export const bodyBytesMax = 1_048_576;

const readRaw: RequestHandler = express.raw({
  type: () => true,
  limit: bodyBytesMax,
  inflate: false,
});
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** The parsed body, or undefined where none was sent. */
export async function readJsonBody(req: Request, res: Response): Promise<unknown> {
  if (!announcesBody(req)) return undefined;
  if (!isJson(req.headers['content-type'])) {
    throw new AppError('unsupported_media_type', 'The body must be application/json.');
  }
  await new Promise<void>((resolve, reject) => {
    readRaw(req, res, (error?: unknown) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
  const raw: unknown = req.body;
  return Buffer.isBuffer(raw) && raw.length > 0 ? parse(raw) : undefined;
}

function announcesBody(req: Request): boolean {
  const length = req.headers['content-length'];
  return req.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

/** JSON is UTF-8 (RFC 8259, 8.1): the one charset that may be named. */
function isJson(contentType = ''): boolean {
  return /^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?;?\s*$/i.test(contentType);
}

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(raw));
  } catch {
    throw new AppError('invalid_json', 'The body is not valid JSON.');
  }
}
