/** `npm run synth [-- -c name=value …]`: synthesizes the template for AWS into cdk.out. */
import { spawnSync } from 'node:child_process';

const { status } = spawnSync('cdk', ['synth', '--quiet', ...process.argv.slice(2)], { stdio: 'inherit' });
if (status === 0) console.log('The template is in cdk.out. Deploy it: npx cdk deploy');
process.exitCode = status ?? 1;
