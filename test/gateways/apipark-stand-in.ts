// A stand-in for APIPark's admin API, as far as its source says what that does (October 2025): sessions by cookie, answers
// always 200 with a `code`, subscriptions without an expiry, authorizations that carry one. Not APIPark.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Authorization = {
  id: string;
  name: string;
  position: string;
  token_name: string;
  config: Record<string, unknown>;
  expire_time: number;
  hide_credential: boolean;
};

const session = 'Namespace-session=abc123';

export async function startApipark(account: { name: string; password: string }) {
  const subscribers = new Map<string, Set<string>>();
  const authorizations = new Map<string, Authorization[]>();
  const changes: string[] = [];
  let refuses = '';

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const { method, headers } = request;
      const url = new URL(request.url!, 'http://apipark');
      const route = `${method} ${url.pathname}`;
      const answer = (code: number, data?: unknown, msg = '') => {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ code, msg, success: code ? 'fail' : 'success', data }));
      };
      const body = text ? JSON.parse(text) : {};
      if (route === 'POST /api/v1/account/login/username') {
        const isRight = body.name === account.name && body.password === account.password;
        if (isRight) response.setHeader('Set-Cookie', `${session}; Path=/; HttpOnly`);
        return isRight ? answer(0) : answer(1, undefined, 'wrong name or password');
      }
      if (headers.cookie !== session) return answer(-3, undefined, 'login expired');
      if (refuses && route.includes(refuses)) return answer(-1, undefined, 'internal error');
      if (method !== 'GET') changes.push(`${route}${url.search}`);
      answerAs(route, url.searchParams, body, answer);
    });
  });

  function answerAs(
    route: string,
    query: URLSearchParams,
    body: any,
    answer: (code: number, data?: unknown, msg?: string) => void,
  ): void {
    const of = subscribers.get(query.get('service') ?? '');
    const owned = authorizations.get(query.get('app') ?? '') ?? [];
    const one = owned.find(({ id }) => id === query.get('authorization'));
    switch (route) {
      case 'GET /api/v1/service/subscribers':
        if (!of) return answer(-1, undefined, 'record not found');
        return answer(0, {
          subscribers: [...of].map((id) => ({ id, subscriber: { id, name: id }, from: 0 })),
        });
      case 'POST /api/v1/service/subscriber':
        if (!of || of.has(body.application)) return answer(-1, undefined, 'refused');
        of.add(body.application);
        return answer(0);
      case 'DELETE /api/v1/service/subscriber':
        return of?.delete(query.get('application')!) ? answer(0) : answer(-1);
      case 'GET /api/v1/app/authorizations':
        return answer(0, { authorizations: owned.map(({ config: _config, ...item }) => item) });
      case 'GET /api/v1/app/authorization':
        return one ? answer(0, { authorization: one }) : answer(-1);
      case 'PUT /api/v1/app/authorization':
        // As there: a change without the whole credential is refused.
        if (!one || !body.config?.apikey) return answer(-1, undefined, 'apikey is empty');
        Object.assign(one, body);
        return answer(0, { authorization: one });
      default:
        return answer(-1, undefined, 'no such path');
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    subscribers,
    authorizations,
    /** What was asked to be changed, in order. */
    changes,
    /** Paths with this in them fail from now on; '': none. */
    refuse: (part: string) => void (refuses = part),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
