/** What `systemctl poweroff` is on a real machine: the instance stops, whatever its role may. `node host/poweroff.ts <instance id>` */
import { EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { OPERATOR } from './emulator.ts';

const [, , instanceId = ''] = process.argv;
await new EC2Client({ credentials: OPERATOR }).send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
