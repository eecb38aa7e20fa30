// The pages and documents anybody may read: life, readiness, metrics, the API's description, and what each
// problem means. No credential, no input but the path.
import type { Express, RequestHandler } from 'express';
import { refreshSharedMetrics } from '../../actions/metrics.ts';
import { registry } from '../../adapters/metrics.ts';
import type { Context } from '../../context.ts';
import { notFound } from '../../domain/error.ts';
import { refuseMethod } from '../mount.ts';
import { describeApi } from '../openapi.ts';
import type { Operation } from '../route.ts';
import { configurationJsonSchema } from '../schema/configuration-json.ts';
import { checkoutPages } from './checkout.ts';
import { docsPage } from './docs.ts';
import { sendPage } from './html.ts';
import { mailPages } from './mail.ts';
import { findProblem, problemPage } from './problem.ts';
import { readiness } from './readiness.ts';

/** What only the process around the app knows. */
export type AppState = {
  /** False before anything was ever loaded, and while closing. */
  isLoaded?: () => boolean;
};

/** Prometheus' text format; also served on a port of its own where METRICS_PORT says so. */
export function serveMetrics(ctx: Context): RequestHandler {
  return async (_req, res) => {
    await refreshSharedMetrics(ctx);
    res.setHeader('Content-Type', registry.contentType);
    res.end(await registry.metrics());
  };
}

export function mountPages(
  app: Express,
  ctx: Context,
  operations: Operation[],
  state: AppState,
): void {
  const api = once(() => describeApi(ctx.config.publicUrl, operations));
  const docs = once(() => docsPage(api()));
  const pages: Record<string, RequestHandler> = {
    '/healthz': (_req, res) => void res.json({ status: 'alive' }),
    '/readyz': async (_req, res) => {
      const { status, body } = await readiness(ctx, state);
      res.status(status).json(body);
    },
    '/openapi.json': (_req, res) => void res.json(api()),
    '/tollgate.schema.json': (_req, res) => void res.json(configurationJsonSchema()),
    '/docs': (_req, res) => sendPage(res, 'API', docs()),
    '/problems/:code': (req, res) => {
      const code = req.params['code'];
      const problem = typeof code === 'string' ? findProblem(code) : null;
      if (!problem || typeof code !== 'string') throw notFound();
      sendPage(res, problem.title, problemPage(code, problem));
    },
    ...checkoutPages(ctx),
    ...mailPages(ctx),
    // On a port of its own it is nobody else's business.
    ...(ctx.config.metricsPort === undefined ? { '/metrics': serveMetrics(ctx) } : {}),
  };
  for (const [path, handler] of Object.entries(pages)) {
    app
      .route(path)
      .get(handler)
      .all(refuseMethod(['GET']));
  }
}

/** Made for the first who asks, and kept: most processes end without anybody having asked. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
