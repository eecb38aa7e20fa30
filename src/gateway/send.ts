// Head and body of an answer as one write. Node keeps them apart and hands both to the socket (writev), which costs
// a tenth of a whole check; where its insides are not as known, its own way is taken.
import type { ServerResponse } from 'node:http';

/** The head that Node has put together and not yet sent; its documentation does not name it. */
type WithHead = { _header?: unknown; _headerSent?: unknown };

/** `body` is ASCII, and '' for none; `headers` alternate between names and values and name the body's length. */
export function sendWhole(
  response: ServerResponse,
  status: number,
  headers: string[],
  body: string,
): void {
  response.writeHead(status, headers);
  const inside = response as unknown as WithHead;
  const head = inside._header;
  if (body === '') response.end();
  else if (typeof head === 'string' && inside._headerSent === false) {
    inside._header = head + body;
    response.end();
  } else response.end(body);
}
