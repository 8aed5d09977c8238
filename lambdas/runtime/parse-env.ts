import * as z from 'zod';
import { FunctionEnv } from '../../core/contracts/env.ts';

const AnyPart = FunctionEnv.partial();
type AnyPart = z.infer<typeof AnyPart>;

/** Parses the named environment variables. @throws Error that lists all invalid, or all missing, variables */
export function parseEnv<Name extends keyof FunctionEnv>(...names: readonly Name[]): Pick<FunctionEnv, Name> {
  const parsed = AnyPart.safeParse(process.env);
  if (!parsed.success) throw new Error(`environment: ${z.prettifyError(parsed.error)}`);
  const complete = (part: AnyPart): part is AnyPart & Pick<FunctionEnv, Name> => names.every((name) => part[name] !== undefined);
  if (complete(parsed.data)) return parsed.data;
  throw new Error(`environment: missing ${names.filter((name) => process.env[name] === undefined).join(', ')}`);
}
