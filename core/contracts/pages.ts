/** Configuration and HTTP headers of the pages; the same on AWS and on the local host. */
import * as z from 'zod';

/** `config.json` next to the pages, written at deployment. */
export const PagesConfig = z.object({
  stage: z.string(),
  /** Base URL of the API; empty: the pages' own address. */
  apiUrl: z.string(),
  /** URL of Cognito's API, and the client of the stage's user pool. */
  cognitoUrl: z.string(),
  clientId: z.string(),
  /** Default of a session's `live`, and the price of an hour of live transcription. */
  liveDefault: z.boolean(),
  usdPerRecordedHour: z.number().min(0),
  /** Models that users may request, the stage's default first. */
  models: z.array(z.string()).default([]),
  /** Whether the stage can detect speakers. */
  canDiarize: z.boolean(),
  /** Whether users may save known voices. */
  knownVoices: z.boolean().optional(),
  /** Whether the local host serves the pages. It prints an address that signs in. */
  isLocal: z.boolean().optional(),
  /** Note about this stage that the pages show. */
  note: z.string().optional(),
});
export type PagesConfig = z.infer<typeof PagesConfig>;

export const PAGES_CONFIG = 'config.json';

/**
 * The pages may load only themselves. They may connect to their own address, the audio storage and Cognito. Inline scripts,
 * inline styles and framing by other sites are forbidden.
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

/** Allows the microphone and the wake lock only. */
export const PERMISSIONS_POLICY = 'microphone=(self), screen-wake-lock=(self), camera=(), geolocation=(), payment=(), usb=()';

/** Files with a content hash in their names are cached for a year; all others are revalidated on each request. */
export const cacheControl = (path: string): string =>
  path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
