/** Field types of requests, validated exactly as the OpenAPI document describes them. */
import * as z from 'zod';

/** Number of characters as JSON Schema counts them: code points. JavaScript's `length` counts some of them twice. */
const characters = (text: string): number => [...text].length;

/** A string with `min` to `max` characters; `base` adds further rules. */
export const text = (min: number, max: number, base = z.string()) =>
  base
    .refine((value) => {
      const count = value.length > 2 * max ? value.length : characters(value);
      return count >= min && count <= max;
    }, `must have ${min} to ${max} characters`)
    .meta({ ...(min > 0 && { minLength: min }), maxLength: max });

/** Requests contain numbers as text; clients may pass either. */
const numberIn = (written: RegExp) => (given: string | number) =>
  typeof given === 'string' && written.test(given) ? Number(given) : given;

/** Integer in a path or query, in plain digits: `1`, not `01`, `+1`, `1.0`, `1e0` or `0x1`. */
export const wholeNumber = (min: number, max: number) =>
  z.preprocess(numberIn(/^(0|[1-9]\d*)$/), z.number().int().min(min).max(max));

/** Optional `wholeNumber` with a default. */
export const wholeNumberOr = (fallback: number, min: number, max: number) => wholeNumber(min, max).prefault(fallback);

/** Number in a query, in digits with at most one decimal point: `1`, `1.0`, `0.25`. */
export const decimal = (min: number, max: number) =>
  z.preprocess(numberIn(/^(0|[1-9]\d*)(\.\d+)?$/), z.number().min(min).max(max));

/** Body of a call without parameters: `{}` or no body. */
export const NoFields = z.strictObject({}).optional();

/** Name of a stage: 2 to 16 lower-case letters and digits, in words that are joined by hyphens. */
export const STAGE_NAME = /^(?=.{2,16}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
