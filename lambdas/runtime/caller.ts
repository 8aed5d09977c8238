import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import * as z from 'zod';
import type { Caller } from '../../core/caller.ts';
import { DomainError } from '../../core/errors.ts';

/** Access and ID tokens of the stage's own client. The authorizer has verified signature, issuer and times. */
const Claims = z.object({
  sub: z.string().regex(/^[A-Za-z0-9-]{1,128}$/),
  token_use: z.enum(['access', 'id']),
  client_id: z.string().optional(),
  aud: z.string().optional(),
  'cognito:groups': z.string().optional(),
});

/** Identifies the user who makes a request. @throws DomainError `unauthorized` */
export function callerOf(event: APIGatewayProxyEventV2, clientId: string): Caller {
  const authorized = z.object({ authorizer: z.object({ jwt: z.object({ claims: Claims }) }) }).safeParse(event.requestContext);
  const claims = authorized.data?.authorizer.jwt.claims;
  const audience = claims?.token_use === 'access' ? claims.client_id : claims?.aud;
  if (claims === undefined || audience !== clientId) throw new DomainError('unauthorized', 'this token is not for this API');
  // Groups arrive as one string: "[admin other]".
  const groups = (claims['cognito:groups'] ?? '').replace(/^\[|\]$/g, '').split(/[\s,]+/);
  return { userId: claims.sub, isAdmin: groups.includes('admin') };
}
