/** What the pages are told of the stage that they belong to, and what browsers allow them; the same on AWS and on the local host. */
import * as z from 'zod';

/** `config.json` beside the pages, written at deployment. */
export const PagesConfig = z.object({
  stage: z.string(),
  /** Where the API is; empty: at the pages' own address. */
  apiUrl: z.string(),
  /** Cognito's own API, and the client of the stage's user pool. */
  cognitoUrl: z.string(),
  clientId: z.string(),
  /** Whether recordings are transcribed while they are made unless somebody wishes otherwise, and what an hour of that costs. */
  liveDefault: z.boolean(),
  usdPerRecordedHour: z.number().min(0),
  /** Whether the stage can find out who speaks. */
  canDiarize: z.boolean(),
  /** A user whom everybody at this machine may be; only on the local host. */
  demo: z.object({ email: z.string(), password: z.string() }).optional(),
  /** What people should know of this stage before they try it. */
  note: z.string().optional(),
});
export type PagesConfig = z.infer<typeof PagesConfig>;

export const PAGES_CONFIG = 'config.json';

/**
 * What the pages may load: themselves; and talk to: their own address, the storage that audio is sent to and read from, and Cognito.
 * No inline script, no inline style, nobody else's frame.
 */
export const contentSecurityPolicy = (storage: string, cognito: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    `connect-src 'self' ${storage} ${cognito}`,
    `media-src 'self' blob: ${storage}`,
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** The microphone is what the pages are for; nothing else of the machine is. */
export const PERMISSIONS_POLICY = 'microphone=(self), screen-wake-lock=(self), camera=(), geolocation=(), payment=(), usb=()';

/** Files whose names carry their content's hash stay good for ever; all others are asked for again each time. */
export const cacheControl = (path: string): string =>
  path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
