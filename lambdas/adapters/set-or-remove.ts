/** Clauses of an update expression, with their names and values. */
interface Clauses {
  readonly sets: readonly string[];
  readonly removes: readonly string[];
  readonly names: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Clauses that set the attributes with a value, and remove those that are undefined. */
export function setOrRemove(attributes: Readonly<Record<string, unknown>>): Clauses {
  const names = Object.keys(attributes);
  const given = names.filter((name) => attributes[name] !== undefined);
  return {
    sets: given.map((name) => `#${name} = :${name}`),
    removes: names.filter((name) => !given.includes(name)).map((name) => `#${name}`),
    names: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    values: Object.fromEntries(given.map((name) => [`:${name}`, attributes[name]])),
  };
}
