/** A synthesized state machine as a graph, so that tests can check its paths. */
import type { Template } from 'aws-cdk-lib/assertions';
import * as z from 'zod';

const Rule = z.looseObject({ Next: z.string() });
const State = z.looseObject({
  Type: z.string(),
  Resource: z.string().optional(),
  Next: z.string().optional(),
  End: z.boolean().optional(),
  Default: z.string().optional(),
  Choices: z.array(Rule).optional(),
  Catch: z.array(z.object({ ErrorEquals: z.array(z.string()), Next: z.string() })).optional(),
  Retry: z.array(z.object({ ErrorEquals: z.array(z.string()), MaxAttempts: z.number().optional() })).optional(),
  TimeoutSeconds: z.number().optional(),
  TimeoutSecondsPath: z.string().optional(),
  HeartbeatSeconds: z.number().optional(),
});
export type State = z.infer<typeof State>;
const Machine = z.looseObject({ StartAt: z.string(), States: z.record(z.string(), State) });
export type Machine = z.infer<typeof Machine>;

/** Renders a token as `<LogicalId>` instead of '', so that a wrong reference is visible in a failing test. */
function literal(part: unknown): string {
  if (typeof part === 'string') return part;
  const [value] = Object.values(z.record(z.string(), z.unknown()).parse(part));
  return `<${[value].flat().join('.')}>`;
}

/** The whole state machine, and the one that the Map state runs for each instance. */
export function machinesOf(template: Template): { whole: Machine; perInstance: Machine } {
  const [resource] = Object.values(template.findResources('AWS::StepFunctions::StateMachine'));
  const text: unknown = resource?.['Properties'].DefinitionString;
  const json =
    typeof text === 'string'
      ? text
      : z
          .object({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) })
          .parse(text)
          ['Fn::Join'][1].map(literal)
          .join('');
  const whole = Machine.parse(JSON.parse(json));
  const map = Object.values(whole.States).find((state) => state.Type === 'Map');
  return { whole, perInstance: Machine.parse(map?.['ItemProcessor']) };
}

const exitsOf = (state: State): string[] =>
  [state.Next, state.Default, ...(state.Choices ?? []).map((c) => c.Next), ...(state.Catch ?? []).map((c) => c.Next)].filter(
    (name) => name !== undefined,
  );

export const catchesAll = (state: State): boolean => (state.Catch ?? []).some((c) => c.ErrorEquals.includes('States.ALL'));

/** Paths from `from` that end, or raise an uncaught error, without passing one of `through`. */
export function escapes(machine: Machine, from: string, through: readonly string[]): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const walk = (name: string, path: readonly string[]): void => {
    if (through.includes(name) || seen.has(name)) return;
    seen.add(name);
    const state = machine.States[name];
    if (state === undefined) throw new Error(`no state named ${name}`);
    const here = [...path, name];
    if (state.Type === 'Task' && !catchesAll(state)) found.push(`${here.join(' > ')} (uncaught error)`);
    if (state.End || state.Type === 'Succeed' || state.Type === 'Fail') found.push(here.join(' > '));
    for (const exit of exitsOf(state)) walk(exit, here);
  };
  walk(from, []);
  return found;
}
