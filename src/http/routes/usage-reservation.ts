// The routes of reservations: hold, settle, release. A refusal is the check's own denial, as it would answer it.
import { z } from 'zod';
import type { Reserved } from '../../actions/usage/reservation.ts';
import {
  releaseReservation,
  reserveUsage,
  settleReservation,
} from '../../actions/usage/reservation.ts';
import { linkOf } from '../../actions/denial.ts';
import { denials } from '../../domain/denial.ts';
import type { DenialCode } from '../../domain/denial.ts';
import type { RouteAnswer } from '../route.ts';
import { route } from '../route.ts';
import { id } from '../schema/common.ts';
import { reservationCreate, reservationView, settlementCreate } from '../schema/usage.ts';

const params = z.object({ id: id('res') });
const retryUnverifiedAfterSeconds = 5;
/** What has to do with a route or a missing key cannot come from here. */
const featureDenials = (Object.keys(denials) as DenialCode[]).filter(
  (code) =>
    !['key_missing', 'path_ambiguous', 'route_denied', 'gateway_unauthorized'].includes(code),
);

export const usageReservationRoutes = [
  route({
    method: 'POST',
    path: '/usage/reservations',
    tag: 'usage',
    summary: 'Hold units for a call; refused as the check would: 401, 402, 403, 429 or 503',
    who: ['gateway', 'operator'],
    changesFacts: false,
    body: reservationCreate,
    status: 201,
    answer: reservationView,
    denials: featureDenials,
    handle: async ({ ctx, body }) => {
      const { reservation, denial } = await reserveUsage(ctx, body);
      return denial ? denialAnswer(denial) : { body: reservation };
    },
  }),
  route({
    method: 'POST',
    path: '/usage/reservations/:id/settlement',
    tag: 'usage',
    summary:
      'Record what was used, also above the balance and after the end; again: the same answer',
    who: ['gateway', 'operator'],
    changesFacts: false,
    params,
    body: settlementCreate,
    status: 201,
    answer: reservationView,
    handle: async ({ ctx, params, body }) => ({
      body: await settleReservation(ctx, { id: params.id, units: body.units }),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/usage/reservations/:id',
    tag: 'usage',
    summary: 'Release what is held; again: the same answer',
    who: ['gateway', 'operator'],
    changesFacts: false,
    params,
    status: 204,
    handle: async ({ ctx, params }) => {
      await releaseReservation(ctx, params.id);
      return {};
    },
  }),
];

function denialAnswer({ problem, retryAfter }: NonNullable<Reserved['denial']>): RouteAnswer {
  const wait = problem.status === 503 ? retryUnverifiedAfterSeconds : retryAfter;
  return {
    status: problem.status,
    body: problem,
    headers: {
      'Content-Type': 'application/problem+json',
      'X-Entitlement-Status': String(problem.status),
      'X-Decision-Id': problem.decision_id,
      Link: linkOf(problem),
      ...(problem.status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {}),
      ...(wait === null ? {} : { 'Retry-After': String(wait) }),
    },
  };
}
