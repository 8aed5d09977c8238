/** Stands for `systemctl poweroff`: stops the instance with the operator's key. `node host/poweroff.ts <instance id> <home>` */
import { EC2Client, StopInstancesCommand } from '@aws-sdk/client-ec2';
import { keysOf } from './home-keys.ts';

const [, , instanceId = '', root = ''] = process.argv;
await new EC2Client({ credentials: keysOf(root).operator }).send(new StopInstancesCommand({ InstanceIds: [instanceId] }));
