/** The image of `npm run image`: its template, and its scripts compared with the boot scripts and units that it must serve. */
import { spawnSync } from 'node:child_process';
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match } from 'aws-cdk-lib/assertions';
import { AwsSolutionsChecks } from 'cdk-nag';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { OWN_IMAGE } from '../../core/contracts/machines.ts';
import { stageFrom } from '../../lib/stage.ts';
import { commandsOfScript, commandsOfUnit } from '../support/shell-commands.ts';
import { ownImage } from './own-image.ts';

const WORKER = join(import.meta.dirname, '../../gpu-worker');
const read = (file: string): string => readFileSync(join(WORKER, file), 'utf8');
const [install, check] = [read('image/install.sh'), read('image/check.sh')];
/** AWS's limit of `Data`, in characters. @see https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_CreateComponent.html */
const MAX_COMPONENT = 16_000;
const { stack, template } = ownImage();
const Step = z.object({ name: z.string(), action: z.string(), inputs: z.record(z.string(), z.unknown()) });
const Document = z.object({
  schemaVersion: z.literal('1.0'),
  phases: z.array(z.object({ name: z.string(), steps: z.array(Step) })),
});
const only = (type: string) => Object.values(template.findResources(type)).map(({ Properties }) => Properties);

const folder = mkdtempSync(join(tmpdir(), 'image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let folders = 0;

/** Runs a script on a machine that has only stand-ins, which list their calls. */
function runWith(
  script: string,
  programs: Readonly<Record<string, string>>,
): { status: number | null; out: string; calls: string[] } {
  folders += 1;
  const bin = mkdtempSync(join(folder, `${folders}-`));
  for (const [name, body] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/bash\necho "${name} $*" >>${folder}/${folders}.calls\n${body}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  writeFileSync(join(folder, `${folders}.calls`), '');
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['--norc', '-c', script], { env: { PATH: bin }, encoding: 'utf8' });
  return {
    status,
    out: stdout + stderr,
    calls: readFileSync(join(folder, `${folders}.calls`), 'utf8')
      .trim()
      .split('\n'),
  };
}
const standIns = (names: readonly string[], body = ''): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, body]));

test("the image is Canonical's Ubuntu on an encrypted volume of 20 GB, and the stack reports its id [deployment.own-image]", () => {
  template.hasResourceProperties('AWS::ImageBuilder::ImageRecipe', {
    ParentImage: 'ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    BlockDeviceMappings: [
      { DeviceName: '/dev/sda1', Ebs: { VolumeSize: 20, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true } },
    ],
    AdditionalInstanceConfiguration: { SystemsManagerAgent: { UninstallAfterBuild: false } },
  });
  template.hasOutput('ImageId', { Value: { 'Fn::GetAtt': ['Image', 'ImageId'] } });
  expect(stageFrom({ volumeGb: OWN_IMAGE.volumeGb }).volumeGb).toBe(20);
  expect(() => stageFrom({ volumeGb: OWN_IMAGE.volumeGb - 1 })).toThrow('volumeGb');
  expect(stageFrom({}).volumeGb).toBe(75);
});

test('the machines that build it have a GPU, no key pair, no open port, IMDSv2 only, and no permission but those of their task [deployment.own-image, security.template]', () => {
  template.hasResourceProperties('AWS::ImageBuilder::InfrastructureConfiguration', {
    InstanceTypes: ['g4dn.xlarge'],
    InstanceMetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    KeyPair: Match.absent(),
    SecurityGroupIds: [Match.anyValue()],
    TerminateInstanceOnFailure: true,
  });
  template.allResourcesProperties('AWS::EC2::SecurityGroup', { SecurityGroupIngress: Match.absent() });
  for (const absent of ['AWS::EC2::SecurityGroupIngress', 'AWS::EC2::NatGateway', 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'])
    template.resourceCountIs(absent, 0);
  const [role, ...others] = only('AWS::IAM::Role');
  expect(others).toEqual([]);
  expect(role.Policies).toBeUndefined();
  expect(JSON.stringify(role.ManagedPolicyArns).match(/policy\/\w+/g)).toEqual([
    'policy/EC2InstanceProfileForImageBuilder',
    'policy/AmazonSSMManagedInstanceCore',
  ]);
  const { violations } = new AwsSolutionsChecks(stack).validateScope(stack);
  expect(violations.map(({ ruleName }) => ruleName)).toEqual([]);
});

test('the component installs, restarts, and checks the machine and a new one from the image [deployment.own-image]', () => {
  const [{ Data }] = only('AWS::ImageBuilder::Component');
  const { phases } = Document.parse(JSON.parse(Data));
  const run = (name: string, script: string) => ({ name, action: 'ExecuteBash', inputs: { commands: [script] } });
  expect(phases).toEqual([
    { name: 'build', steps: [run('install', install), { name: 'restart', action: 'Reboot', inputs: { delaySeconds: 5 } }] },
    { name: 'validate', steps: [run('check', check)] },
    { name: 'test', steps: [run('check', check)] },
  ]);
  template.hasResourceProperties('AWS::ImageBuilder::Image', { ImageTestsConfiguration: { ImageTestsEnabled: true } });
  expect(Data.length).toBeLessThan(MAX_COMPONENT);
  expect(Data).not.toContain('{{'); // Image Builder would replace it
  for (const script of [install, check]) expect(script).toMatch(/^set -euo pipefail$/m);
});

test('another day builds a new image, and the same day does not [deployment.own-image]', () => {
  const recipe = (day: string) =>
    Object.values(ownImage(new Date(day)).template.findResources('AWS::ImageBuilder::ImageRecipe'))[0]?.['Properties'];
  expect(recipe('2026-03-05T00:00:00Z')).toEqual(recipe('2026-03-05T23:59:59Z'));
  expect(recipe('2026-03-05T00:00:00Z').Version).toBe('2026.3.5');
  expect(recipe('2026-12-31T00:00:00Z')).toMatchObject({ Version: '2026.12.31', Name: recipe('2026-03-05').Name });
  const names = ['Component', 'ImageRecipe'].map((type) => only(`AWS::ImageBuilder::${type}`)[0].Name);
  for (const name of names) expect(name).toMatch(/^chunkscribe-machine-[0-9a-f]{12}$/);
});

test('check.sh requires exactly the programs that the boot scripts and units call, and logrotate [deployment.own-image]', () => {
  const scripts = globSync('bootstrap/*.sh', { cwd: WORKER }).flatMap((file) => commandsOfScript(read(file)));
  const units = globSync('bootstrap/*.{service,path}', { cwd: WORKER }).flatMap((file) => commandsOfUnit(read(file)));
  const [, listed = ''] = /^commands=\(([^)]*)\)/m.exec(check) ?? [];
  expect(listed.trim().split(/\s+/)).toEqual([...new Set([...scripts, ...units, 'logrotate'])].sort());
  expect(check).toContain(/^agent=.*$/m.exec(read('bootstrap/start-agent.sh'))?.[0]);
  expect(check).toContain(`most_used_gb=${OWN_IMAGE.usedGb} `);
});

test('a newly used program is found wherever the boot scripts could call it [deployment.own-image]', () => {
  const script = `#!/bin/bash
# comment: (notacommand)
own() { inown "$@" && return; } # notacommand
value=$(insubstitution -x "$(innested "$1")") X=1 withvariable
{ own a || afteror 'text; notacommand' | piped >"$target/notacommand"; } 2>/dev/null
if ! negated; then inthen; fi
for word in notacommand; do inloop \\
  notacommand; done
nice veryslow <(fromprocess); retry retried "\${array[@]}"
list=(inlist -o "$x")
python3 - <<'END' >"$out"
import notacommand
END
cat >unit.service <<'END'
[Service]
ExecStart=+-/usr/bin/inunit --flag
ExecStopPost=/bin/sh -c 'inshell || systemctl poweroff'
END
cat >script <<'END'
#!/bin/bash
inscript
END
`;
  expect(commandsOfScript(script)).toEqual(
    [
      'afteror',
      'cat',
      'fromprocess',
      'inlist',
      'inloop',
      'innested',
      'inown',
      'inscript',
      'inshell',
      'insubstitution',
      'inthen',
    ].concat(['inunit', 'negated', 'nice', 'piped', 'python3', 'retried', 'sh', 'systemctl', 'veryslow', 'withvariable']),
  );
});

test('check.sh names what is missing [deployment.own-image]', () => {
  const [, listed = ''] = /^commands=\(([^)]*)\)/m.exec(check) ?? [];
  const all = listed.trim().split(/\s+/);
  const { status, out, calls } = runWith(check, standIns(all.filter((name) => name !== 'aws' && name !== 'nvidia-smi')));
  expect(status).toBe(1);
  expect(out).toMatch(/^missing: aws nvidia-smi /);
  expect(calls).toEqual(['']);
});

test('install.sh runs to its end, installs the precompiled driver without DKMS, and stops at the first failure [deployment.own-image]', () => {
  const work = mkdtempSync(join(folder, 'work-'));
  const programs = {
    ...standIns(['cloud-init', 'systemctl', 'apt-get', 'curl', 'dpkg', 'rm']),
    mktemp: `echo ${work}`,
    unzip: `/bin/mkdir -p ${work}/aws && printf '#!/bin/bash\\necho aws-installed >>${work}/installed\\n' >${work}/aws/install && /bin/chmod +x ${work}/aws/install`,
  };
  const done = runWith(install, programs);
  expect(done).toMatchObject({ status: 0, out: '' });
  expect(readFileSync(join(work, 'installed'), 'utf8')).toBe('aws-installed\n');
  const packages = done.calls.find((call) => /^apt-get .* install /.test(call)) ?? '';
  for (const name of ['linux-modules-nvidia-580-server-open-aws', 'nvidia-headless-no-dkms-580-server-open'])
    expect(packages).toContain(` ${name}`);
  for (const name of ['nvidia-utils-580-server', 'nvidia-modprobe', 'python3-venv']) expect(packages).toContain(` ${name}`);
  expect(packages).not.toMatch(/nvidia-dkms|linux-headers/);
  expect(done.calls).toContain(`dpkg -i ${work}/agent.deb`);
  expect(done.calls.at(-1)).toBe(`rm -rf ${work}`);

  const failed = runWith(install, { ...programs, curl: 'exit 22' });
  expect(failed.status).toBe(22);
  expect(failed.calls.filter((call) => call.startsWith('dpkg') || call.startsWith('unzip'))).toEqual([]);
});
