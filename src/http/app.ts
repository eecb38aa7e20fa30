// The API's table of contents: what is mounted, in the order a request meets it. Decides nothing itself;
// believes no proxy's headers.
import express from 'express';
import type { Express } from 'express';
import type { Context } from '../context.ts';
import { notFound } from '../domain/error.ts';
import { bodyBytesMax } from './body.ts';
import { errorHandler } from './errors.ts';
import { gatewayOperations } from './gateway-operations.ts';
import { mountRoutes, refuseMethod } from './mount.ts';
import { mountActionLinks } from './pages/action-link.ts';
import { mountPages } from './pages/mount.ts';
import type { AppState } from './pages/mount.ts';
import { accessLog, identifyRequest, securityHeaders } from './security.ts';
import { apiKeyRoutes } from './routes/api-key.ts';
import { auditConfigurationRoutes } from './routes/audit-configuration.ts';
import { clockRoutes } from './routes/clock.ts';
import { configurationRoutes } from './routes/configuration.ts';
import { customerRoutes } from './routes/customer.ts';
import { decisionRoutes } from './routes/decision.ts';
import { entitlementRoutes } from './routes/entitlement.ts';
import { eventRoutes } from './routes/event.ts';
import { explanationRoutes } from './routes/explanation.ts';
import { invoiceRoutes } from './routes/invoice.ts';
import { jobRoutes } from './routes/job.ts';
import { overrideRoutes } from './routes/override.ts';
import { noticeRoutes } from './routes/notice.ts';
import { planRoutes } from './routes/plan.ts';
import { reconciliationRoutes } from './routes/reconciliation.ts';
import { routePolicyRoutes } from './routes/route-policy.ts';
import { settingRoutes } from './routes/setting.ts';
import { subscriptionRoutes } from './routes/subscription.ts';
import { timelineRoutes } from './routes/timeline.ts';
import { usageRoutes } from './routes/usage.ts';
import { usageReservationRoutes } from './routes/usage-reservation.ts';
import { webhookEndpointRoutes } from './routes/webhook-endpoint.ts';
import { receiveWebhook } from './routes/webhook.ts';
import type { Route } from './route.ts';

/** Every operation there is, noun by noun. */
export const routes: Route[] = [
  ...planRoutes,
  ...routePolicyRoutes,
  ...settingRoutes,
  ...configurationRoutes,
  ...auditConfigurationRoutes,
  ...customerRoutes,
  ...overrideRoutes,
  ...entitlementRoutes,
  ...decisionRoutes,
  ...explanationRoutes,
  ...subscriptionRoutes,
  ...timelineRoutes,
  ...invoiceRoutes,
  ...apiKeyRoutes,
  ...usageRoutes,
  ...usageReservationRoutes,
  ...reconciliationRoutes,
  ...jobRoutes,
  ...noticeRoutes,
  ...eventRoutes,
  ...webhookEndpointRoutes,
  ...clockRoutes,
];

/** `state` tells the readiness page what the process around the app knows. */
export function createApp(ctx: Context, state: AppState = {}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', false);
  app.set('query parser', false);
  app.enable('case sensitive routing');
  app.enable('strict routing');

  app.use(identifyRequest, accessLog(ctx), securityHeaders(ctx));
  const signedBytes = express.raw({ type: () => true, limit: bodyBytesMax, inflate: false });
  const webhook = app.route('/webhooks/stripe');
  webhook.post(signedBytes, receiveWebhook(ctx)).all(refuseMethod(['POST']));
  mountPages(app, ctx, [...gatewayOperations, ...routes], state);
  mountActionLinks(app, ctx);
  mountRoutes(app, ctx, routes);
  app.use(() => {
    throw notFound();
  });
  app.use(errorHandler(ctx));
  return app;
}
