// The HTTP server: the gateway's hot path first, Express for the rest. Bounds on time and size live here.
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import type { Context } from './context.ts';
import { createGateway } from './gateway/gateway.ts';
import { createApp } from './http/app.ts';
import { serveMetrics } from './http/pages/mount.ts';

/** Longer than the gateways keep theirs (nginx 60 s, 75 s to clients): we must not close under a request. */
const keepAliveMs = 90_000;
const requestWithinMs = 30_000;
const headBytesMax = 64 * 1024;
const closeWithinMs = 8_000;

export type RunningServer = { url: string; port: number; close: () => Promise<void> };

/** Listens and answers; `close` lets what is under way finish within a bounded time. */
export async function startServer(
  ctx: Context,
  options: { port: number; host: string },
): Promise<RunningServer> {
  const gateway = createGateway(ctx);
  await gateway.warmUp();
  const app = createApp(ctx, { isLoaded: gateway.isReady });
  const server = createServer(
    {
      maxHeaderSize: headBytesMax,
      keepAliveTimeout: keepAliveMs,
      headersTimeout: requestWithinMs,
      requestTimeout: requestWithinMs,
    },
    (request, response) => {
      if (!gateway.handle(request, response)) app(request, response);
    },
  );
  await listen(server, options);
  const metrics = await listenForMetrics(ctx, options.host);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host === '0.0.0.0' ? '127.0.0.1' : options.host}:${port}`,
    port,
    async close() {
      await Promise.all([stop(server), metrics && stop(metrics)]);
      await gateway.close();
    },
  };
}

/** METRICS_PORT keeps the metrics off the port that customers reach. */
async function listenForMetrics(ctx: Context, host: string): Promise<Server | null> {
  const { metricsPort } = ctx.config;
  if (metricsPort === undefined) return null;
  const app = express();
  app.disable('x-powered-by');
  app.get('/metrics', serveMetrics(ctx));
  const server = createServer(app);
  await listen(server, { port: metricsPort, host });
  return server;
}

function listen(server: Server, options: { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => server.closeAllConnections(), closeWithinMs);
    server.close(() => {
      clearTimeout(force);
      resolve();
    });
    server.closeIdleConnections();
  });
}
