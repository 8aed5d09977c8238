/** Parses response bodies as clients do: unknown fields are ignored, because a newer server may send more than a client knows. */
import type * as z from 'zod';

function withoutUnknown(data: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy: unknown = structuredClone(data);
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const holder = issue.path.reduce<unknown>(
      (at, name) => (typeof at === 'object' && at !== null ? Reflect.get(at, name) : undefined),
      copy,
    );
    if (typeof holder === 'object' && holder !== null) for (const name of issue.keys) Reflect.deleteProperty(holder, name);
  }
  return copy;
}

/** Parses a response body, ignoring unknown fields. @throws ZodError if it does not match the schema */
export function parseAnswer<Schema extends z.ZodType>(schema: Schema, data: unknown): z.output<Schema> {
  const result = schema.safeParse(data);
  return result.success ? result.data : schema.parse(withoutUnknown(data, result.error.issues));
}
